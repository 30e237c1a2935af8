import MartletProtocol
import MartletWebSocket
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import MartletPush

@Suite("Register session")
struct RegisterSessionTests {
    /// A connection without a socket, in time that the test moves.
    private struct Connection {
        let loop = EmbeddedEventLoop()
        let service: PushService
        let channel: EmbeddedChannel

        init() throws {
            self.service = PushService(group: self.loop)
            self.channel = EmbeddedChannel(loop: self.loop)
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try self.channel.pipeline.syncOperations.addHandler(
                WebSocket(
                    role: .server, isPlainTCP: false,
                    handler: WebSocketTransport(
                        self.service.session(over: .websocket, RegisterDialect(), on: self.loop), address: nil),
                    eventLoop: self.loop, loop: LoopContext(eventLoop: self.loop)))
        }

        func receive(_ text: String) throws {
            var frame = ByteBuffer()
            Array(text.utf8).withUnsafeBytes { _ = frame.writeFrame(.text, maskingKey: 7, payload: $0) }
            try self.channel.writeInbound(frame)
        }
    }

    @Test("a client that falls silent is unbound 20 s after a ping that is due after 20 s")
    func silence() throws {
        let connection = try Connection()
        try connection.receive(#"{"token":"jack","event":"alerts"}"#)
        #expect(connection.service.channelCount == 1)
        connection.loop.advanceTime(by: .milliseconds(39_999))
        #expect(connection.service.channelCount == 1)
        connection.loop.advanceTime(by: .milliseconds(1))
        #expect(connection.service.channelCount == 0)
        #expect(connection.service.counters[.sessions] == 0)
    }

    /// A connection that is closed when the session closes it, and takes all.
    private final class TestConnection: TransportConnection {
        let transport = SessionTransport.websocket
        let address = "192.0.2.1"
        let queuedBytes = 0
        var session: Session?
        var isOpen = true

        func send(_ encoded: EncodedPublications) -> Int { encoded.count }
        func sendHeartbeat(_ encoded: EncodedPublications) {}
        func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) { self.isOpen = false }
    }

    @Test(
        "a session that is closed at the first of several messages registers for nothing more, and asks no more",
        .timeLimit(.minutes(1)))
    func refusedBatch() async throws {
        let asked = Mutex<[String]>([])
        let hooks = PushHooks { question in
            asked.withLock { $0.append(question.token) }
            return PushUser(question.token == "first" ? "joe" : "jack")
        }
        var limits = PushLimits()
        limits.sessionsPerUser = 1
        let group = MultiThreadedEventLoopGroup.singleton
        let service = PushService(group: group, hooks: hooks, limits: limits)
        guard case .admitted(let other) = service.admit(user: "jack") else { preconditionFailure() }
        let eventLoop = group.next()
        let connection = try await eventLoop.submit {
            let connection = TestConnection()
            let session = service.session(over: .websocket, RegisterDialect(), on: eventLoop)
            connection.session = session
            session.opened(on: connection)
            for (token, event) in [("first", "a"), ("second", "b"), ("second", "c"), ("second", "d"), ("third", "e")] {
                let message = Array(#"{"token":"\#(token)","event":"\#(event)"}"#.utf8)
                session.received(message.span.bytes)
            }
            return NIOLoopBound(connection, eventLoop: eventLoop)
        }.get()
        func isOpen() async throws -> Bool { try await eventLoop.submit { connection.value.isOpen }.get() }
        while try await isOpen() { await Task.yield() }
        #expect(service.counters[.registrations] == 1 && service.counters[.refusedRegistrations] == 1)
        // A question would have been asked by a task of its own.
        for _ in 0..<100 { await Task.yield() }
        #expect(asked.withLock { $0 } == ["first", "second"])
        try await eventLoop.submit {
            connection.value.session?.closed()
            connection.value.session = nil
        }.get()
        #expect(service.channelCount == 0)
        withExtendedLifetime(other) {}
    }

    @Test("a client that registers for much is in as many channels, and in none when it has gone")
    func manyEvents() throws {
        let connection = try Connection()
        for number in 0..<100 { try connection.receive(#"{"token":"jack","event":"event \#(number)"}"#) }
        #expect(connection.service.channelCount == 100)
        try connection.receive(#"{"token":"jill","event":"alerts"}"#)
        #expect(connection.service.channelCount == 1)
        try connection.channel.close().wait()
        #expect(connection.service.channelCount == 0)
    }
}
