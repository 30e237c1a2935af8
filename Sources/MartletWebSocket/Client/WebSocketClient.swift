public import HTTPTypes
public import Logging
import MartletProtocol
public import NIOCore
import NIOHTTP1
public import NIOPosix

/// Connects to WebSocket servers.
public struct WebSocketClient: Sendable {
    public struct Configuration: Sendable {
        public var webSocket = WebSocketConfiguration()
        /// For the TCP connection. Default: 10 s.
        public var connectTimeout: TimeAmount = .seconds(10)
        /// From the TCP connection to the server's answer. Default: 10 s.
        public var handshakeTimeout: TimeAmount = .seconds(10)

        public init() {}
    }

    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let logger: Logger

    public init(
        configuration: Configuration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.websocket")
    ) {
        self.configuration = configuration
        self.group = eventLoopGroup
        self.logger = logger
    }

    /// Connects, runs `body`, and closes the connection when `body` is left: with 1000, or with 1011 when it throws.
    ///
    /// - Parameters:
    ///   - url: `ws://host:port/path?query`.
    ///   - subprotocols: the preferred one first. ``WebSocketConnection/subprotocol`` is what the server chose.
    ///   - headerFields: added to the handshake, such as `Origin`.
    /// - Returns: how the connection ended.
    /// - Throws: ``WebSocketError`` with the code `invalidURL`, `connectFailed`, `handshakeFailed` or `timeout`;
    ///   whatever `body` throws.
    @discardableResult
    public func connect(
        to url: String,
        subprotocols: [String] = [],
        headerFields: HTTPFields = [:],
        _ body: @Sendable (WebSocketConnection) async throws -> Void
    ) async throws -> WebSocketCloseInformation {
        let opened = self.group.next().makePromise(of: WebSocketConnection.self)
        do {
            try await self.connect(to: url, subprotocols: subprotocols, headerFields: headerFields) { _ in
                ConnectionBridge { opened.succeed($0) }
            }
        } catch {
            opened.fail(error)
            throw error
        }
        let connection = try await opened.futureResult.get()
        let information = try await connection.run(body)
        self.logger.debug("closed", metadata: ["url": "\(url)", "close": "\(information)"])
        return information
    }

    /// Connects on the event-loop tier; returns when the connection is open. It lives until one side closes it.
    ///
    /// - Parameter makeHandler: makes the connection's handler, on its event loop.
    /// - Throws: ``WebSocketError`` with the code `invalidURL`, `connectFailed`, `handshakeFailed` or `timeout`.
    public func connect(
        to url: String,
        subprotocols: [String] = [],
        headerFields: HTTPFields = [:],
        makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler
    ) async throws {
        let target = try WebSocketURL(url)
        let handshake: ClientHandshake
        do {
            handshake = try ClientHandshake(
                subprotocols: subprotocols, compression: self.configuration.webSocket.compression)
        } catch {
            throw WebSocketError(.handshakeFailed, reason: error.reason, cause: error)
        }
        let request = handshake.request(
            scheme: "http", authority: target.authority, path: target.target, extraFields: headerFields)
        let eventLoop = self.group.next()
        let opened = eventLoop.makePromise(of: Void.self)
        do {
            _ = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(self.configuration.connectTimeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { [configuration] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try ClientUpgradeHandler(
                            handshake: handshake, request: request, configuration: configuration,
                            makeHandler: makeHandler, opened: opened
                        ).install(on: channel)
                    }
                }
                .connect(host: target.host, port: target.port)
                .get()
        } catch {
            let error = WebSocketError(.connectFailed, reason: "cannot connect to \(target.authority)", cause: error)
            opened.fail(error)
            throw error
        }
        try await opened.futureResult.get()
    }
}
