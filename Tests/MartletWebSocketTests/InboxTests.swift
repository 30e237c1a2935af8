import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Inbox", .timeLimit(.minutes(1)))
struct InboxTests {
    private static func make(rooms: Shared<Int>) -> Inbox {
        Inbox(byteLimit: 100, countLimit: 1000) { rooms.increment() }
    }

    private static func message(_ size: Int) -> WebSocketMessage { .text(String(repeating: "x", count: size)) }

    @Test("it is full at its limit and says that there is room when it is half empty, once")
    func hysteresis() async throws {
        let rooms = Shared(0)
        let inbox = Self.make(rooms: rooms)
        #expect(!inbox.add(Self.message(60)))
        #expect(inbox.add(Self.message(60)))
        _ = try await inbox.next()
        #expect(rooms.value == 0)
        _ = try await inbox.next()
        #expect(rooms.value == 1)
    }

    @Test("what is added after a message was taken from a full inbox does not make it forget that it was full")
    func addWhileFull() async throws {
        let rooms = Shared(0)
        let inbox = Self.make(rooms: rooms)
        #expect(!inbox.add(Self.message(40)))
        #expect(inbox.add(Self.message(60)))  // the socket is not read any more
        _ = try await inbox.next()  // 60 left: no room yet
        #expect(rooms.value == 0)
        _ = inbox.add(Self.message(10))  // from the same read
        while rooms.value == 0 { _ = try await inbox.next() }
        #expect(rooms.value == 1)
    }

    @Test("a waiting task takes a message past the queue, and the end reaches those who wait")
    func waiting() async throws {
        let inbox = Self.make(rooms: Shared(0))
        async let first = inbox.next()
        async let second = inbox.next()
        _ = inbox.add(Self.message(500))
        inbox.finish(.success(()))
        let received = try await [first, second]
        #expect(received.compactMap { $0 }.count == 1)
        #expect(try await inbox.next() == nil)
    }
}
