import MartletWebSocket
import NIOCore
import NIOEmbedded
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
