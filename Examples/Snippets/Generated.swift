// Made by scripts/snippets.sh from the articles; do not edit.
import Hummingbird
import HummingbirdCore
import MartletHummingbird
import MartletTesting
import MartletWebSocket
import NIOCore
import NIOSSL

enum Snippets {
    static func martletHummingbird1() async throws {
        let router = Router()
        router.get("/") { _, _ in "hello" }
        router.webSocket("/chat") { request, context, socket in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let application = Application(router: router, server: .http1WebSocket(router: router))
        try await application.runService()
    }

    static func martletHummingbird2(router: Router<BasicRequestContext>, tls: TLSConfiguration) async throws {
        let application = Application(
            router: router, server: try .http2WebSocket(router: router, tlsConfiguration: tls))
        try await application.runService()
    }

    static func martletTesting1() async throws {
        let clock = WebSocketTestClock()
        let pair = try await WebSocketPair.inMemory(clock: clock)
        try await pair.client.send(text: "hello")
        var messages = pair.server.messages.makeAsyncIterator()
        let message = try await messages.next()
        precondition(message == .text("hello"))
        await clock.advance(by: .seconds(20))  // the keepalive's pings go out
        await pair.cut()
    }

    static func acceptYourFirstWebSocket1() async throws {
        let server = WebSocketServer(configuration: .init(host: "127.0.0.1", port: 8080))
        server.route("/echo") { request, socket in  // leaving the scope closes with 1000
            for try await message in socket.messages {
                try await socket.send(message)
            }
        }
        try await server.run()  // a ServiceLifecycle Service; drains with 1001
    }

    static func acceptYourFirstWebSocket2() async throws {
        let close = try await WebSocketClient().connect(to: "ws://127.0.0.1:8080/echo") { socket in
            try await socket.send(text: "hello")
            for try await message in socket.messages {
                print(message)
                break
            }
        }
        print(close)  // 1000 (local)
    }

    static func acceptYourFirstWebSocket3() async throws {
        for try await socket in WebSocketClient().reconnecting(to: "wss://example.com/feed") {
            do {
                for try await message in socket.messages { print(message) }
            } catch {
                // The sequence decides by the close code whether to go on.
            }
        }
    }

    static func acceptYourFirstWebSocket4() async throws {
        let rooms = Broadcaster<String>()
        let server = WebSocketServer()
        server.route("/chat") { request, socket in
            rooms.join("lobby", socket)  // left by itself when the connection ends
            for try await message in socket.messages { rooms.post(message, to: "lobby") }
        }
    }

    static func acceptYourFirstWebSocket5() async throws {
        let clock = WebSocketTestClock()
        let pair = try await WebSocketPair.inMemory(clock: clock)
        try await pair.client.send(text: "hello")
        for try await message in pair.server.messages {
            precondition(message == .text("hello"))
            break
        }
        await clock.advance(by: .seconds(20))  // the keepalive's pings go out
        precondition(pair.client.latency == .zero)
    }

    static func backpressure1() async throws {
        var configuration = WebSocketConfiguration()
        configuration.outboundQueueLimit = 256 * 1024
        configuration.overflowPolicy = .dropOldest
        let server = WebSocketServer()
        server.route("/prices", configuration: configuration) { request, socket in
            while socket.closeInformation == nil {
                try await socket.send(text: "42.17")
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    static func backpressure2() async throws {
        var configuration = WebSocketConfiguration()
        configuration.limits = MessageLimits(maximumMessageSize: 4 << 30)
        let server = WebSocketServer()
        server.route("/upload", configuration: configuration) { request, socket in
            for try await message in socket.streamedMessages {
                var count = 0
                for try await chunk in message.chunks { count += chunk.readableBytes }
                try await socket.send(text: "\(count) bytes")
            }
        }
    }

    static func fromOtherSwiftPackages1() async throws {
        // ws.onText { ws, text in ws.send(text) }
        let server = WebSocketServer()
        server.route("/chat") { request, socket in
            for try await case .text(let text) in socket.messages {
                try await socket.send(text: text)
            }
        }
    }

    static func fromOtherSwiftPackages2() async throws {
        // try await outbound.withTextMessageWriter { write in … }
        let socket = try await WebSocketPair.inMemory().client
        try await socket.withMessageWriter(.text) { writer in
            try await writer.write("piece ")
            try await writer.write("by piece")
        }
    }

    static func securityDefaults1() async throws {
        let socket = try await WebSocketPair.inMemory().server
        try await socket.send(text: "{\"csrf\":\"…\"}", compress: false)
    }

    static func securityDefaults2() async throws {
        let proxies = TrustedProxies([IPNetwork("10.0.0.0/8")!])
        var configuration = WebSocketServer.Configuration(host: "0.0.0.0", port: 8080)
        configuration.trustedProxies = proxies
        configuration.limits = ConnectionLimiter(total: 20_000, perAddress: 50)
        let server = WebSocketServer(configuration: configuration)
        server.route("/who") { request, socket in
            try await socket.send(text: request.clientAddress ?? "unknown")
        }
    }
}
