public import HTTPTypes
public import Logging
import MartletProtocol
public import NIOCore
import NIOHTTP1
public import NIOPosix
import Tracing

/// Connects to WebSocket servers.
public struct WebSocketClient: Sendable {
    public let configuration: Configuration
    private let tls: ClientTLS
    private let group: any EventLoopGroup
    let logger: Logger

    public init(
        configuration: Configuration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.websocket")
    ) {
        self.configuration = configuration
        self.tls = ClientTLS(configuration.tls)
        self.group = eventLoopGroup
        self.logger = logger
    }

    /// Connects, runs `body`, and closes the connection afterwards: with 1000, or with 1011 if `body` throws.
    ///
    /// - Parameters:
    ///   - url: `ws://host:port/path?query` or `wss://…`; `user:password@` before the host becomes Basic credentials.
    ///   - subprotocols: the subprotocols to offer, the preferred one first. ``WebSocketConnection/subprotocol`` is the
    ///     server's choice.
    ///   - headerFields: headers to add to the opening handshake, such as `Origin` or `Authorization`.
    /// - Returns: the close code and reason with which the connection ended.
    /// - Throws: ``WebSocketError`` with the code `invalidURL`, `connectFailed`, `proxyFailed`, `tlsFailed`,
    ///   `handshakeFailed` or `timeout`; `CancellationError`; whatever `body` throws.
    @discardableResult
    public func connect(
        to url: String,
        subprotocols: [String] = [],
        headerFields: HTTPFields = [:],
        _ body: @Sendable (WebSocketConnection) async throws -> Void
    ) async throws -> WebSocketCloseInformation {
        let connection = try await self.open(url, subprotocols: subprotocols, headerFields: headerFields)
        let information = try await connection.run(body)
        self.logger.debug("closed", metadata: ["close": "\(information)"])
        return information
    }

    /// Connects on the event-loop tier; returns when the connection is open. It lives until one side closes it.
    ///
    /// - Parameter makeHandler: makes the connection's handler, on its event loop.
    /// - Returns: the server's response to the opening handshake.
    /// - Throws: like ``connect(to:subprotocols:headerFields:_:)``.
    @discardableResult
    public func connect(
        to url: String,
        subprotocols: [String] = [],
        headerFields: HTTPFields = [:],
        makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler
    ) async throws -> HTTPResponse {
        let url = try WebSocketURL(url)
        return try await withSpan("websocket handshake", ofKind: .client) { span in
            span.attributes["server.address"] = url.host
            span.attributes["server.port"] = url.port
            var fields = headerFields
            InstrumentationSystem.instrument.inject(span.context, into: &fields, using: HTTPFieldsCarrier())
            return try await self.follow(url, subprotocols, fields, makeHandler)
        }
    }

    /// Opens a connection that only the caller closes.
    func open(
        _ url: String, subprotocols: [String], headerFields: HTTPFields
    ) async throws -> WebSocketConnection {
        let opened = self.group.next().makePromise(of: WebSocketConnection.self)
        do {
            try await self.connect(to: url, subprotocols: subprotocols, headerFields: headerFields) { _ in
                ConnectionBridge { opened.succeed($0) }
            }
        } catch {
            opened.fail(error)
            throw error
        }
        return try await opened.futureResult.get()
    }

    /// Connects, and follows redirects.
    private func follow(
        _ url: WebSocketURL, _ subprotocols: [String], _ headerFields: HTTPFields,
        _ makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler
    ) async throws -> HTTPResponse {
        let deadline = NIODeadline.now() + self.configuration.totalTimeout
        var url = url
        var fields = headerFields
        var redirects = 0
        var isForeign = false
        while true {
            do {
                return try await self.attempt(url, subprotocols, fields, isForeign: isForeign, deadline, makeHandler)
            } catch let error as WebSocketError {
                guard let failure = error.handshakeFailure, let response = failure.response else { throw error }
                self.configuration.cookies?.store(response.headerFields, from: url)
                guard redirects < self.configuration.maximumRedirects,
                    [301, 302, 303, 307, 308].contains(failure.status), let location = response.headerFields[.location]
                else { throw error }
                redirects += 1
                let next = try url.resolving(location)
                guard next.isSecure || !url.isSecure else {
                    throw WebSocketError(
                        .handshakeFailed, reason: "the server redirects from wss to ws", cause: error.cause)
                }
                if !next.hasSameOrigin(as: url) {
                    isForeign = true
                    for name in [HTTPField.Name.authorization, .cookie, .proxyAuthorization] { fields[name] = nil }
                }
                url = next
            }
        }
    }

    private func attempt(
        _ url: WebSocketURL, _ subprotocols: [String], _ headerFields: HTTPFields, isForeign: Bool,
        _ deadline: NIODeadline, _ makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler
    ) async throws -> HTTPResponse {
        let handshake: ClientHandshake
        do {
            handshake = try ClientHandshake(
                subprotocols: subprotocols, compression: self.configuration.webSocket.compression)
        } catch {
            throw WebSocketError(.handshakeFailed, reason: error.reason, cause: error)
        }
        var fields = headerFields
        if let credentials = url.credentials, fields[.authorization] == nil {
            fields[.authorization] = credentials.headerValue
        }
        if let cookies = self.configuration.cookies?.header(for: url) {
            fields[.cookie] = fields[.cookie].map { $0 + "; " + cookies } ?? cookies
        }
        let request = handshake.request(
            scheme: url.isSecure ? "https" : "http", authority: url.authority, path: url.target, extraFields: fields)
        let proxy = self.configuration.unixSocketPath == nil ? try self.configuration.proxy.proxy(for: url) : nil
        let eventLoop = self.group.next()
        let opened = eventLoop.makePromise(of: HTTPResponse.self)
        ClientConnector(
            url: url, proxy: proxy, configuration: self.configuration, tls: self.tls, isForeign: isForeign,
            eventLoop: eventLoop
        ).connect(
            handshake: handshake, request: request, deadline: deadline, makeHandler: makeHandler, opened: opened)
        let response = try await withTaskCancellationHandler {
            try await opened.futureResult.get()
        } onCancel: {
            opened.fail(CancellationError())
        }
        self.configuration.cookies?.store(response.headerFields, from: url)
        return response
    }
}
