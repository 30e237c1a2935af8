import HTTPTypes
import Hummingbird
import Logging
import MartletHummingbird
import MartletWebSocket
import NIOCore
import ServiceLifecycle
import Testing

@Suite("WebSockets inside Hummingbird", .timeLimit(.minutes(1)))
struct UpgradeTests {
    private final class Echo: WebSocketHandler {
        func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) { socket.send(kind, payload) }
    }

    @Test("one port serves the router and WebSockets, and all connections have ended after the drain")
    func sharedPort() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let router = Router()
        router.get("/") { _, _ in "plain" }
        let endpoint = WebSocketEndpoint { _, _ in Echo() }
        let connections = OpenConnections()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router,
            server: .http1WebSocket(connections: connections) { $0.path == "/ws" ? endpoint : nil },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) },
            logger: logger
        )
        let services = ServiceGroup(services: [application], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            var iterator = ports.makeAsyncIterator()
            let url = "ws://127.0.0.1:\(try #require(await iterator.next()))"
            let client = WebSocketClient(logger: logger)

            // A plain answer is what a client of WebSockets sees as a refusal.
            let error = await #expect(throws: WebSocketError.self) { try await client.connect(to: url + "/") { _ in } }
            #expect(error?.handshakeFailure?.status == 200)
            #expect(error?.reason.contains("plain") == true)

            let end = try await client.connect(to: url + "/ws") { socket in
                try await socket.send(text: "hi")
                var messages = socket.messages.makeAsyncIterator()
                #expect(try await messages.next() == .text("hi"))
                await services.triggerGracefulShutdown()
                #expect(try await messages.next() == nil)
            }
            #expect(end.code == .goingAway)
            try await group.waitForAll()
            await connections.allClosed()
            #expect(connections.count == 0)
        }
    }
}
