import Hummingbird
public import Logging
public import MartletWebSocket
public import NIOCore
public import NIOPosix
public import ServiceLifecycle

/// A WebSocket server that sends every message back, with a page to try it.
public struct EchoServer: Service, CustomStringConvertible {
    /// The name of the service in logs.
    public var description: String { "EchoServer" }

    public struct Configuration: Sendable, ListeningConfiguration {
        public var listen = ListenAddress(host: "127.0.0.1", port: 8080)
        /// Further addresses to listen on. Default: none.
        public var moreAddresses: [ListenAddress] = []
        /// The paths of the endpoint; at `/` it shares the path with the page. Default: `/ws` and `/echo`.
        public var paths = ["/ws", "/echo"]
        /// The pages that may connect. Default: those of the same host.
        public var origin = OriginPolicy.sameHost
        /// The text `heart beat` is sent this often. Default: never.
        public var heartbeat: TimeAmount?
        /// Bytes of one message. Default: 1 MiB.
        public var maximumMessageSize = 1 << 20
        /// Frames a message may be split into. Default: 1,024.
        public var maximumFragmentCount = 1024
        /// The time that a message may take, from its first byte to its last. Default: 60 s.
        public var messageTimeout = TimeAmount.seconds(60)
        /// Compresses messages when the client can. Default: never.
        public var compression: CompressionConfiguration?
        /// The certificate to serve TLS with. Default: none, plain TCP.
        public var tls: ServerTLS?
        /// The function that is called for every message. Default: none.
        public var onMessage: (@Sendable (WebSocketMessage) -> Void)?

        public init() {}
    }

    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void

    /// - Parameter onListening: called with the address, its port known, once connections are accepted.
    public init(
        configuration: Configuration = .init(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.echo"),
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.onListening = onListening
    }

    public func run() async throws {
        let configuration = self.configuration
        var webSocket = WebSocketConfiguration()
        webSocket.limits = MessageLimits(
            maximumMessageSize: configuration.maximumMessageSize,
            maximumFragmentCount: configuration.maximumFragmentCount)
        webSocket.compression = configuration.compression
        webSocket.messageTimeout = configuration.messageTimeout
        let endpoint = WebSocketEndpoint(configuration: webSocket, origin: configuration.origin) { _, _ in
            EchoHandler(heartbeat: configuration.heartbeat, onMessage: configuration.onMessage)
        }
        let paths = Set(configuration.paths)
        let page = ConsolePage(.init(mode: .echo, webSocketPath: configuration.paths.first ?? "/ws"))
        var http = HTTPServerConfiguration(
            listen: configuration.addresses, limiter: ConnectionLimiter(total: DescriptorBudget().connections))
        http.tls = configuration.tls
        try await HTTPServer(
            http, group: self.group, logger: self.logger, onListening: self.onListening,
            endpoints: .init(webSocket: { request in
                let path = paths.first { RequestPath.isSame(request.path, $0) } ?? WebSocketRequest.path(of: request)
                // At "/" a browser that asks for no WebSocket wants the page.
                guard paths.contains(path), path != "/" || ServerHandshake.isUpgradeRequest(request) else { return nil }
                return endpoint
            })
        ) { router in
            page.add(to: router)
        }.run()
    }
}
