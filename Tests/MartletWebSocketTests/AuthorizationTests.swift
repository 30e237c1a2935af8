import HTTPTypes
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletWebSocket

@Suite("Authorization", .timeLimit(.minutes(1)))
struct AuthorizationTests {
    /// Holds the questions that the server asks until the test answers them.
    private struct Hook {
        let questions: AsyncStream<String>
        let ask: AsyncStream<String>.Continuation
        let answers = [String: (AsyncStream<WebSocketAuthorization>, AsyncStream<WebSocketAuthorization>.Continuation)](
            uniqueKeysWithValues: ["/ws?first", "/ws?second"].map { ($0, AsyncStream.makeStream()) }
        )

        init() { (self.questions, self.ask) = AsyncStream.makeStream() }

        func answer(_ path: String, _ authorization: WebSocketAuthorization) {
            self.answers[path]?.1.yield(authorization)
        }

        var authorize: @Sendable (WebSocketRequest) async -> WebSocketAuthorization {
            let (ask, answers) = (self.ask, self.answers)
            return { request in
                let path = request.head.path ?? ""
                ask.yield(path)
                guard let stream = answers[path]?.0 else { return .refuse(reason: "unexpected") }
                for await answer in stream { return answer }
                return .refuse(reason: "no answer")
            }
        }
    }

    private static func handshake(_ path: String) -> ByteBuffer {
        ByteBuffer(
            string: "GET \(path) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    }

    /// The server's next answer, to its first line.
    private static func statusLine(_ channel: NIOAsyncTestingChannel) async throws -> String {
        while true {
            let text = String(buffer: try await channel.waitForOutboundWrite(as: ByteBuffer.self))
            if text.hasPrefix("HTTP/1.1 ") { return String(text.prefix { $0 != "\r\n" }) }
        }
    }

    @Test("an answer that comes after its request was given up decides nothing about the next request")
    func lateAnswer() async throws {
        let hook = Hook()
        let channel = NIOAsyncTestingChannel()
        try await channel.testingEventLoop.executeInContext { [authorize = hook.authorize] in
            let endpoint = WebSocketEndpoint(authorize: authorize) { _, _ in RecordingHandler.echoing() }
            try WebSocketUpgradeHandler(limits: HTTPLimits(), isSecure: false, logger: Loopback.quiet) { _ in endpoint }
                .install(on: channel)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        var questions = hook.questions.makeAsyncIterator()

        try await channel.writeInbound(Self.handshake("/ws?first"))
        #expect(await questions.next() == "/ws?first")
        await channel.testingEventLoop.advanceTime(by: .seconds(10))
        #expect(try await Self.statusLine(channel) == "HTTP/1.1 503 Service Unavailable")

        try await channel.writeInbound(Self.handshake("/ws?second"))
        #expect(await questions.next() == "/ws?second")
        hook.answer("/ws?first", .allow)
        for _ in 0..<100 { await Task.yield() }
        hook.answer("/ws?second", .refuse(reason: "not you"))
        #expect(try await Self.statusLine(channel) == "HTTP/1.1 403 Forbidden")
        _ = try? await channel.finish()
    }
}
