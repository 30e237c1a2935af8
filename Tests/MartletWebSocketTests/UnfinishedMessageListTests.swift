import MartletProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletWebSocket

@Suite("Messages that have begun and not ended")
struct UnfinishedMessageListTests {
    private final class Message: UnfinishedMessage {
        var messageMark: UInt32 = 0
        var isUnfinished = true
        var isReadingPaused = false
        var heldBytes: Int
        var receivedBytes = 0
        var messageTimeout: TimeAmount?
        let maximumMessageSize: Int
        var isWatched = true
        var code: CloseCode?

        init(_ heldBytes: Int, timeout: TimeAmount? = .seconds(20), maximumMessageSize: Int = 1 << 20) {
            self.heldBytes = heldBytes
            self.messageTimeout = timeout
            self.maximumMessageSize = maximumMessageSize
        }

        func isForgotten() { self.isWatched = false }
        func giveUp(_ code: CloseCode, reason: String) { self.code = code }
    }

    private static let start = NIODeadline.uptimeNanoseconds(1)
    private static let budget = UnfinishedMessageList.budget

    private static func note(
        _ list: inout UnfinishedMessageList, _ message: Message, at second: Int64 = 0
    ) -> [Message] {
        list.note(message) { Self.start + .seconds(second) }.compactMap { $0 as? Message }
    }

    private static func look(_ list: inout UnfinishedMessageList, at second: Int64) -> [Message] {
        list.look(at: Self.start + .seconds(second)).compactMap { $0 as? Message }
    }

    @Test("make room for others by their size: one that holds nothing stays, however old")
    func largestFirst() {
        var list = UnfinishedMessageList()
        let empty = Message(0)
        let small = Message(1000)
        let hog = Message(Self.budget - 2000)
        let other = Message(1001)
        for (second, message) in [empty, small, hog].enumerated() {
            #expect(Self.note(&list, message, at: Int64(second)).isEmpty)
        }
        let taken = Self.note(&list, other, at: 3)
        #expect(taken.count == 1 && taken.first === hog)
        #expect(!hog.isWatched && empty.isWatched && small.isWatched && other.isWatched)
        #expect(list.count == 3 && list.bytes == 2001)
    }

    @Test("and that have ended since the last look are not counted, nor given up")
    func endedMeanwhile() {
        var list = UnfinishedMessageList()
        let ended = Message(Self.budget / 2)
        let shrunk = Message(Self.budget / 2)
        for message in [ended, shrunk] { #expect(Self.note(&list, message).isEmpty) }
        ended.isUnfinished = false
        shrunk.heldBytes = 0
        #expect(Self.note(&list, Message(Self.budget / 2)).isEmpty)
        #expect(!ended.isWatched && shrunk.isWatched)
        #expect(list.count == 2 && list.bytes == Self.budget / 2)
    }

    @Test("have a budget for the largest of them, whoever notes something")
    func budgetOfLargest() {
        var list = UnfinishedMessageList()
        let large = Message(3 * Self.budget, maximumMessageSize: Self.budget)
        #expect(Self.note(&list, large).isEmpty)
        #expect(Self.note(&list, Message(1)).isEmpty)
        #expect(Self.note(&list, Message(Self.budget)).map { ObjectIdentifier($0) } == [ObjectIdentifier(large)])
        // There is one of that size no more, once they have been looked at.
        _ = Self.look(&list, at: 1)
        #expect(Self.note(&list, Message(1)).count == 1)
    }

    @Test("may be as large as it likes when there is no limit")
    func noLimit() {
        var list = UnfinishedMessageList()
        #expect(Self.note(&list, Message(1, maximumMessageSize: .max)).isEmpty)
        #expect(Self.note(&list, Message(Self.budget * 100)).isEmpty)
    }

    @Test("have so long, and longer for what they have brought")
    func tooSlow() {
        var list = UnfinishedMessageList()
        let slow = Message(1)
        let moving = Message(1)
        let large = Message(1)
        large.receivedBytes = 10 * UnfinishedMessageList.fairRate
        for message in [slow, moving, large] { #expect(Self.note(&list, message).isEmpty) }
        #expect(Self.look(&list, at: 19).isEmpty)
        moving.messageMark += 1
        #expect(Self.look(&list, at: 20).map { ObjectIdentifier($0) } == [ObjectIdentifier(slow)])
        #expect(!slow.isWatched)
        #expect(Self.look(&list, at: 30).map { ObjectIdentifier($0) } == [ObjectIdentifier(large)])
        #expect(Self.look(&list, at: 40).map { ObjectIdentifier($0) } == [ObjectIdentifier(moving)])
        #expect(list.count == 0 && list.bytes == 0 && list.pause == nil)
    }

    @Test("have their time anew after a pause of this end")
    func pauses() {
        var list = UnfinishedMessageList()
        let seen = Message(1)
        let between = Message(1)
        for message in [seen, between] { #expect(Self.note(&list, message).isEmpty) }
        seen.isReadingPaused = true
        #expect(Self.look(&list, at: 15).isEmpty)
        seen.isReadingPaused = false
        list.resumed(between, at: Self.start + .seconds(18))
        #expect(Self.look(&list, at: 34).isEmpty)
        #expect(Self.look(&list, at: 35).map { ObjectIdentifier($0) } == [ObjectIdentifier(seen)])
        #expect(Self.look(&list, at: 38).map { ObjectIdentifier($0) } == [ObjectIdentifier(between)])
    }

    @Test("are looked at in time for the shortest of them, whichever came first")
    func earlierLook() {
        let eventLoop = EmbeddedEventLoop()
        let messages = UnfinishedMessages(eventLoop)
        let patient = Message(1, timeout: nil)
        let hasty = Message(1, timeout: .milliseconds(400))
        messages.note(patient)
        messages.note(hasty)
        eventLoop.advanceTime(by: .milliseconds(500))
        #expect(hasty.code == .policyViolation && patient.code == nil)
        messages.remove(patient)
        eventLoop.advanceTime(by: .seconds(60))
    }
}
