import HTTPTypes
import MartletProtocol
import MartletTesting
import NIOCore
import NIOSSL
import Testing

@testable import MartletWebSocket

/// One test for each row of the article "From gorilla/websocket"; `scripts/snippets.sh check` makes sure that none is
/// missing.
@Suite("From gorilla/websocket, row by row", .timeLimit(.minutes(1)))
struct GorillaTests {
    private static func pair(
        _ change: (inout WebSocketConfiguration) -> Void = { _ in }
    ) async throws -> WebSocketPair {
        var configuration = WebSocketConfiguration()
        change(&configuration)
        return try await .inMemory(server: configuration, client: configuration)
    }

    /// A server with one route, and the URL of it.
    private static func serve(
        origin: OriginPolicy = .sameHost, subprotocols: [String] = [], configuration: WebSocketConfiguration = .init(),
        authorize: (@Sendable (WebSocketRequest) async -> WebSocketAuthorization)? = nil,
        handler: @escaping WebSocketServer.ConnectionHandler = { _, _ in },
        _ body: @escaping @Sendable (String, WebSocketClient) async throws -> Void
    ) async throws {
        try await Loopback.serve { server in
            server.route(
                "/ws", origin: origin, subprotocols: subprotocols, configuration: configuration, authorize: authorize,
                handler: handler)
        } _: { url, client in
            try await body(url + "/ws", client)
        }
    }

    private static func client(_ change: (inout WebSocketClient.Configuration) -> Void) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration()
        change(&configuration)
        return WebSocketClient(configuration: configuration, logger: Loopback.quiet)
    }

    private static func refusal(_ url: String, _ client: WebSocketClient, _ fields: HTTPFields = [:]) async
        -> WebSocketError?
    {
        do {
            try await client.connect(to: url, headerFields: fields) { _ in }
            return nil
        } catch { return error as? WebSocketError }
    }

    // MARK: Upgrader

    @Test("Upgrader.Upgrade") func upgrade() async throws {
        try await Self.serve(authorize: { _ in .allow(headerFields: [.setCookie: "a=b"]) }) { url, client in
            try await client.connect(to: url) { #expect($0.handshakeFields[.setCookie] == "a=b") }
        }
    }

    @Test("Upgrader.CheckOrigin") func checkOrigin() async throws {
        try await Self.serve { url, client in
            #expect(await Self.refusal(url, client, [.origin: "http://evil.example"])?.handshakeFailure?.status == 403)
        }
        try await Self.serve(origin: .any) { url, client in
            #expect(await Self.refusal(url, client, [.origin: "http://evil.example"]) == nil)
        }
    }

    @Test("Upgrader.Subprotocols", arguments: [["b", "a"], ["a"]]) func subprotocols(_ offered: [String]) async throws {
        try await Self.serve(subprotocols: ["a", "b"]) { url, client in
            try await client.connect(to: url, subprotocols: offered) { #expect($0.subprotocol == "a") }
        }
    }

    @Test("Upgrader.EnableCompression, Dialer.EnableCompression, Conn.EnableWriteCompression, Conn.SetCompressionLevel")
    func compression() async throws {
        let pair = try await Self.pair { configuration in
            var compression = CompressionConfiguration()
            compression.level = 9
            configuration.compression = compression
        }
        #expect(pair.server.compression != nil && pair.client.compression != nil)
        let text = String(repeating: "squeeze me ", count: 100)
        try await pair.client.send(text: text, compress: false)
        try await pair.client.send(text: text)
        var messages = pair.server.messages.makeAsyncIterator()
        for _ in 0..<2 { #expect(try await messages.next() == .text(text)) }
    }

    @Test("Upgrader.HandshakeTimeout, Upgrader.Error") func handshakeTimeout() async throws {
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.http.handshakeTimeout = .milliseconds(20)
        configuration.limits = ConnectionLimiter()
        let limits = configuration.limits
        try await Loopback.serve(configuration) { _ in
        } _: { addresses in
            let raw = try await RawConnection.open(addresses[0])
            await raw.closed()  // by the server, behind its 408
            while limits.count > 0 { await Task.yield() }
        }
    }

    @Test("Subprotocols, IsWebSocketUpgrade") func request() throws {
        let request = HTTPRequest(
            method: .get, scheme: "http", authority: "a", path: "/",
            headerFields: [
                .upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13",
                .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==", .secWebSocketProtocol: "x, y",
            ])
        #expect(ServerHandshake.isUpgradeRequest(request))
        #expect(try ServerHandshake(request: request).offeredSubprotocols == ["x", "y"])
    }

    // MARK: Dialer

    @Test("Dialer.Dial, DefaultDialer, ErrBadHandshake") func dial() async throws {
        try await Self.serve(authorize: { _ in .refuse(.unauthorized, reason: "no") }) { url, client in
            let error = await Self.refusal(url, client)
            #expect(error?.code == .handshakeFailed && error?.handshakeFailure?.response?.status == .unauthorized)
        }
        #expect(
            await Self.refusal("ws://127.0.0.1:1/", WebSocketClient(logger: Loopback.quiet))?.code == .connectFailed)
    }

    @Test("Dialer.DialContext") func dialContext() async throws {
        let task = Task { try await WebSocketClient(logger: Loopback.quiet).connect(to: "ws://127.0.0.1:1/") { _ in } }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test("Dialer.HandshakeTimeout") func dialTimeout() async throws {
        let silent = try await SilentServer.start()
        let client = Self.client { $0.handshakeTimeout = .milliseconds(20) }
        #expect(await Self.refusal("ws://127.0.0.1:\(silent.port)/", client)?.code == .timeout)
        try await silent.stop()
    }

    @Test("Dialer.Subprotocols") func dialSubprotocols() async throws {
        try await Self.serve(subprotocols: ["b"]) { url, client in
            try await client.connect(to: url, subprotocols: ["a", "b"]) { #expect($0.subprotocol == "b") }
        }
    }

    @Test("Dialer.Jar") func jar() async throws {
        let jar = WebSocketCookieJar()
        jar.set("session", "42", host: "127.0.0.1")
        let seen = Shared<String?>(nil)
        try await Self.serve(handler: { request, _ in seen.set(request.head.headerFields[.cookie]) }) { url, _ in
            try await Self.client { $0.cookies = jar }.connect(to: url) { for try await _ in $0.messages {} }
        }
        #expect(seen.value == "session=42")
    }

    @Test("Dialer.Proxy") func proxy() throws {
        let url = try WebSocketURL("wss://example.com")
        let proxy = WebSocketProxy.http(host: "p", port: 1)
        #expect(try ProxyPolicy.proxy(proxy).proxy(for: url) == proxy)
        #expect(try ProxyPolicy.none.proxy(for: url) == nil)
    }

    @Test("Dialer.TLSClientConfig") func tls() {
        let client = Self.client {
            $0.tls.certificateVerification = .none
            $0.tlsServerName = "other.example"
        }
        #expect(client.configuration.tlsServerName == "other.example")
        #expect(client.configuration.tls.certificateVerification == .none)
    }

    @Test("Dialer.NetDial") func netDial() async {
        let client = Self.client { $0.unixSocketPath = "/nowhere/socket" }
        let error = await Self.refusal("ws://a/", client)
        #expect(error?.code == .connectFailed && error?.reason.contains("/nowhere/socket") == true)
    }

    // MARK: Messages

    @Test("Conn.ReadMessage, Conn.WriteMessage, TextMessage, BinaryMessage") func messages() async throws {
        let pair = try await Self.pair()
        try await pair.client.send(text: "text")
        try await pair.client.send(binary: ByteBuffer(bytes: [1, 2]))
        var messages = pair.server.messages.makeAsyncIterator()
        #expect(try await messages.next() == .text("text"))
        #expect(try await messages.next() == .binary(ByteBuffer(bytes: [1, 2])))
    }

    @Test("Conn.NextReader, Conn.NextWriter, JoinMessages") func streams() async throws {
        let pair = try await Self.pair()
        try await pair.client.withMessageWriter(.text) { writer in
            try await writer.write("one ")
            try await writer.write("message")
        }
        try await pair.client.send(text: "!")
        pair.client.closeSoon()
        var joined = ByteBuffer()
        for try await chunk in pair.server.asByteStream { joined.writeImmutableBuffer(chunk) }
        #expect(String(buffer: joined) == "one message!")
    }

    private struct Value: Codable, Sendable, Equatable { var name: String }

    @Test("Conn.ReadJSON, Conn.WriteJSON") func json() async throws {
        let pair = try await Self.pair()
        try await pair.client.send(json: Value(name: "a"))
        var values = pair.server.messages(as: Value.self).makeAsyncIterator()
        #expect(try await values.next() == Value(name: "a"))
    }

    @Test("NewPreparedMessage, Conn.WritePreparedMessage") func prepared() async throws {
        let pair = try await Self.pair()
        let message = PreparedMessage(text: "to all")
        try await pair.server.send(message)
        #expect(pair.server.trySend(message) == .sent)
        var messages = pair.client.messages.makeAsyncIterator()
        for _ in 0..<2 { #expect(try await messages.next() == .text("to all")) }
    }

    @Test("Conn.SetReadLimit, ErrReadLimit") func readLimit() async throws {
        let pair = try await Self.pair { $0.limits = MessageLimits(maximumMessageSize: 10) }
        try await pair.client.send(text: "longer than ten")
        #expect(await pair.client.closed().code == .messageTooBig)
    }

    @Test("Conn.SetReadDeadline, Conn.SetPongHandler, Conn.SetPingHandler, PingMessage, PongMessage, Conn.WriteControl")
    func heartbeat() async throws {
        let clock = WebSocketTestClock()
        let pair = try await WebSocketPair.inMemory(clock: clock)
        #expect(try await pair.client.ping() == .zero)
        await clock.advance(by: .seconds(20))
        #expect(pair.client.latency == .zero && pair.server.latency == .zero)
    }

    @Test("Conn.SetWriteDeadline") func writeDeadline() async throws {
        let pair = try await Self.pair()
        // Until nothing moves any more: both queues and the wire are full.
        var fulls = 0
        while fulls < 200 {
            fulls = pair.client.trySend(.binary(ByteBuffer(repeating: 0, count: 30_000))) == .full ? fulls + 1 : 0
            try await pair.settle()
        }
        let task = Task { try await pair.client.send(binary: ByteBuffer(repeating: 0, count: 60_000)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    // MARK: The end

    @Test("Conn.Close, UnderlyingConn") func abort() async throws {
        let pair = try await Self.pair()
        pair.client.abort(reason: "enough")
        #expect(await pair.client.closed().reason == "enough")
        #expect(await pair.server.closed().code == .abnormalClosure)
    }

    @Test("CloseMessage, FormatCloseMessage, Conn.SetCloseHandler, CloseError") func closing() async throws {
        let pair = try await Self.pair()
        await pair.client.close(.init(4001), reason: "bye")
        let end = await pair.server.closed()
        #expect(end.code.rawValue == 4001 && end.reason == "bye" && end.initiator == .remote && end.isClean)
    }

    @Test("IsCloseError, IsUnexpectedCloseError, ErrCloseSent") func closeErrors() async throws {
        let pair = try await Self.pair()
        await pair.client.close(.goingAway)
        #expect([CloseCode.normalClosure, .goingAway].contains(await pair.server.closed().code))
        let error = await #expect(throws: WebSocketError.self) { try await pair.client.send(text: "late") }
        #expect(error?.code == .closed)
    }

    @Test("Conn.Subprotocol, Conn.RemoteAddr, Conn.LocalAddr") func addresses() async throws {
        let pair = try await WebSocketPair.inMemory(subprotocol: "chat")
        #expect(pair.server.subprotocol == "chat")
        #expect(pair.server.remoteAddress?.ipAddress == "127.0.0.1")
        #expect(pair.server.localAddress == nil || pair.server.localAddress?.port != nil)
    }
}

extension WebSocketPair {
    /// Lets the event loop do what it has to do.
    fileprivate func settle() async throws { try await self.client.eventLoop.submit {}.get() }
}
