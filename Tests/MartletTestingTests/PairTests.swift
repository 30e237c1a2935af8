import MartletProtocol
import MartletTesting
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("In-memory connections", .timeLimit(.minutes(1)))
struct PairTests {
    private final class Upper: WebSocketHandler {
        func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
            socket.send(text: payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }.uppercased())
        }
    }

    @Test("messages, closing and its code pass between the ends")
    func echo() async throws {
        let pair = try await WebSocketPair.inMemory(subprotocol: "chat")
        #expect(pair.server.subprotocol == "chat")
        try await pair.client.send(text: "hello")
        var messages = pair.server.messages.makeAsyncIterator()
        #expect(try await messages.next() == .text("hello"))
        let end = await pair.server.close(.goingAway, reason: "bye")
        #expect(end.isClean && end.initiator == .local)
        let seen = await pair.client.closed()
        #expect(seen.code == .goingAway && seen.reason == "bye" && seen.initiator == .remote && seen.isClean)
    }

    @Test("a handler of the event-loop tier is tested the same way")
    func handler() async throws {
        let client = try await WebSocketPair.inMemory { _ in Upper() }
        try await client.send(text: "hello")
        var messages = client.messages.makeAsyncIterator()
        #expect(try await messages.next() == .text("HELLO"))
    }

    @Test("the keepalive and its latency go by the clock; a ping is answered in no time at all")
    func clock() async throws {
        let clock = WebSocketTestClock()
        let pair = try await WebSocketPair.inMemory(clock: clock)
        #expect(pair.client.latency == nil)
        #expect(try await pair.client.ping() == .zero)
        #expect(pair.client.latency == .zero)
        #expect(pair.server.latency == nil)
        for _ in 0..<10 { await clock.advance(by: .seconds(20)) }
        #expect(pair.server.latency == .zero)
        #expect(pair.client.closeInformation == nil)
    }

    @Test("a cut connection is 1006 at both ends")
    func cut() async throws {
        let pair = try await WebSocketPair.inMemory()
        await pair.cut()
        #expect(pair.client.closeInformation?.code == .abnormalClosure)
        #expect(pair.server.closeInformation?.code == .abnormalClosure)
    }

    @Test("a peer that does not read fills the queue, and the sender waits")
    func backpressure() async throws {
        let pair = try await WebSocketPair.inMemory()
        var sent = 0
        while pair.client.trySend(.binary(ByteBuffer(repeating: 1, count: 10_000))) == .sent {
            sent += 1
            await Task.yield()
            #expect(sent < 1000)
        }
        var messages = pair.server.messages.makeAsyncIterator()
        for _ in 0..<sent { _ = try await messages.next() }
        try await pair.client.send(text: "there is room again")
        #expect(try await messages.next() == .text("there is room again"))
    }
}
