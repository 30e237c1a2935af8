import MartletProtocol
import MartletTesting
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Broadcast", .timeLimit(.minutes(1)))
struct BroadcasterTests {
    @Test("every member of a topic gets each message once, in order, compressed for those who asked")
    func everybody() async throws {
        let rooms = Broadcaster<String>()
        let plain = WebSocketConfiguration()
        let takeover = StreamingTests.compressing(takeover: true)
        let alone = StreamingTests.compressing(takeover: false)
        var pairs: [WebSocketPair] = []
        for configuration in [plain, takeover, alone, takeover, plain] {
            pairs.append(try await .inMemory(server: configuration, client: configuration))
        }
        for pair in pairs { rooms.join("all", pair.server) }
        rooms.join("some", pairs[0].server)
        #expect(rooms.memberCount(of: "all") == 5 && rooms.topics == ["all", "some"])
        let text = String(repeating: "compress me ", count: 100)
        for number in 0..<20 {
            // Messages of a single connection are sent in between, so that its context is not empty.
            try await pairs[1].server.send(text: "own \(number) \(text)")
            #expect(await rooms.send(text: "\(number) \(text)", to: "all") == .init(sent: 5))
        }
        rooms.post(text: "for one", to: "some")
        for (index, pair) in pairs.enumerated() {
            var messages = pair.client.messages.makeAsyncIterator()
            for number in 0..<20 {
                if index == 1 { #expect(try await messages.next() == .text("own \(number) \(text)")) }
                #expect(try await messages.next() == .text("\(number) \(text)"))
            }
        }
        var messages = pairs[0].client.messages.makeAsyncIterator()
        #expect(try await messages.next() == .text("for one"))
        rooms.leave("all", pairs[4].server)
        #expect(await rooms.send(text: "four", to: "all") == .init(sent: 4))
        for pair in pairs { await pair.client.close() }
        for pair in pairs { _ = await pair.server.closed() }
        #expect(rooms.topics.isEmpty)
        #expect(await rooms.send(text: "nobody", to: "all") == .init())
        #expect(rooms.totals.sent == 105)
    }

    @Test("a slow member misses messages or is closed, as it was asked for; the others get all")
    func slowMembers() async throws {
        let rooms = Broadcaster<Int>()
        let (newest, oldest, closing, fast) = (
            try await WebSocketPair.inMemory(), try await WebSocketPair.inMemory(),
            try await WebSocketPair.inMemory(), try await WebSocketPair.inMemory()
        )
        rooms.join(1, newest.server, whenSlow: .dropNewest)
        rooms.join(1, oldest.server, whenSlow: .dropOldest)
        rooms.join(1, closing.server, whenSlow: .close)
        rooms.join(1, fast.server)
        let filler = String(repeating: "x", count: 10_000)
        var received = fast.client.messages.makeAsyncIterator()
        for number in 0..<100 {
            await rooms.send(text: "\(number) \(filler)", to: 1)
            #expect(try await received.next() == .text("\(number) \(filler)"))
        }
        #expect(rooms.totals.dropped > 100)
        for pair in [newest, oldest] {
            async let closed = pair.server.close()
            var numbers: [Int] = []
            for try await case .text(let text) in pair.client.messages {
                numbers.append(Int(text.prefix { $0 != " " })!)
            }
            #expect(await closed.isClean)
            #expect(numbers == numbers.sorted() && numbers.count < 100)
            if pair.server === newest.server { #expect(numbers == Array(0..<numbers.count)) }
            if pair.server === oldest.server { #expect(numbers.last == 99) }
        }
        for try await _ in closing.client.messages {}
        #expect(await closing.client.closed().code == .tryAgainLater)
    }
}
