import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import MartletHummingbird
import MartletWebSocket
import NIOCore
import NIOSSL
import ServiceLifecycle
import TestSupport
import Testing

@Suite("WebSocket routes of a router", .timeLimit(.minutes(1)))
struct RouterTests {
    /// Admits requests with the right header, and marks every answer.
    private struct Guard: RouterMiddleware {
        func handle(
            _ request: Request, context: BasicRequestContext,
            next: (Request, BasicRequestContext) async throws -> Response
        ) async throws -> Response {
            if request.uri.path.hasPrefix("/private"), request.headers[.authorization] != "secret" {
                throw HTTPError(.unauthorized, headers: [.wwwAuthenticate: "Bearer"], message: "who are you?")
            }
            var response = try await next(request, context)
            response.headers[.server] = "guarded"
            return response
        }
    }

    static func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: Guard())
        router.get("/plain") { _, _ in "plain" }
        router.webSocket("/echo/:name", subprotocols: ["v1"]) { request, context, socket in
            try await socket.send(text: "hello \(context.parameters.get("name") ?? "-")")
            for try await message in socket.messages { try await socket.send(message) }
        }
        router.group("/private").webSocket("chat") { _, _, socket in try await socket.send(text: "in") }
        router.webSocket("/closed", origin: .allow(["https://example.com"])) { _, _, _ in }
        return router
    }

    static let client = WebSocketClient(logger: Served.quiet)

    /// Checks what every route must do, over any transport.
    static func checkRoutes(_ url: String, _ client: WebSocketClient) async throws {
        let end = try await client.connect(to: url + "/echo/jack", subprotocols: ["v1"]) { socket in
            #expect(socket.subprotocol == "v1")
            #expect(socket.handshakeFields[.server] == "guarded")
            var messages = socket.messages.makeAsyncIterator()
            #expect(try await messages.next() == .text("hello jack"))
            for length in [0, 1, 70_000, 900_000] {
                try await socket.send(binary: ByteBuffer(repeating: 3, count: length))
                #expect(try await messages.next() == .binary(ByteBuffer(repeating: 3, count: length)))
            }
        }
        #expect(end.code == .normalClosure && end.isClean)

        let unauthorized = await #expect(throws: WebSocketError.self) {
            try await client.connect(to: url + "/private/chat") { _ in }
        }
        #expect(unauthorized?.handshakeFailure?.status == 401)
        #expect(unauthorized?.handshakeFailure?.response?.headerFields[.wwwAuthenticate] == "Bearer")
        #expect(unauthorized?.reason.contains("who are you?") == true)
        try await client.connect(to: url + "/private/chat", headerFields: [.authorization: "secret"]) { socket in
            for try await message in socket.messages { #expect(message == .text("in")) }
        }

        for (path, fields, status) in [
            ("/missing", [:], 404), ("/plain", [:], 200), ("/closed", [.origin: "https://evil.example"], 403),
            ("/echo/x", [.origin: "https://evil.example"], 403),
        ] as [(String, HTTPFields, Int)] {
            let error = await #expect(throws: WebSocketError.self) {
                try await client.connect(to: url + path, headerFields: fields) { _ in }
            }
            #expect(error?.handshakeFailure?.status == status, "\(path)")
        }
        try await client.connect(to: url + "/closed", headerFields: [.origin: "https://example.com"]) { _ in }
    }

    @Test("routes, parameters, middleware and origins, beside plain routes")
    func http1() async throws {
        let router = Self.router()
        try await Served.run(router, .http1WebSocket(router: router)) { port, _ in
            try await Self.checkRoutes("ws://127.0.0.1:\(port)", Self.client)
        }
    }

    @Test("the same over TLS")
    func tls() async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        let router = Self.router()
        var configuration = WebSocketClient.Configuration()
        configuration.tls = certificates.clientTLS
        let client = WebSocketClient(configuration: configuration, logger: Served.quiet)
        let server = try HTTPServerBuilder.tls(
            .http1WebSocket(router: router), tlsConfiguration: try certificates.serverTLS("server"))
        try await Served.run(router, server) { port, _ in
            try await Self.checkRoutes("wss://localhost:\(port)", client)
        }
        // And over HTTP/1.1 on the server that also speaks HTTP/2.
        let both = try HTTPServerBuilder.http2WebSocket(
            router: router, tlsConfiguration: try certificates.serverTLS("server"))
        try await Served.run(router, both) { port, _ in
            try await Self.checkRoutes("wss://localhost:\(port)", client)
        }
    }

    @Test("graceful shutdown closes with 1001, and the application waits for the handlers")
    func drain() async throws {
        let router = Router()
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        router.webSocket("/feed") { _, _, socket in
            for try await _ in socket.messages {}
            #expect(await socket.closed().code == .goingAway)
            end.finish()
        }
        try await Served.run(router, .http1WebSocket(router: router)) { port, services in
            let close = try await Self.client.connect(to: "ws://127.0.0.1:\(port)/feed") { socket in
                await services.triggerGracefulShutdown()
                for try await _ in socket.messages {}
            }
            #expect(close.code == .goingAway)
        }
        for await _ in ended {}
    }
}
