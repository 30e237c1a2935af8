extension WebSocketServer {
    /// An address on which a server listens.
    public struct Listener: Sendable, CustomStringConvertible {
        enum Place: Sendable {
            case tcp(host: String, port: Int)
            case unix(path: String)
        }

        let place: Place
        let tls: ServerTLS?

        /// - Parameters:
        ///   - port: the port; with 0, the kernel chooses one: see ``WebSocketServer/localAddresses``.
        ///   - tls: the certificate and key; `nil` for plain TCP.
        public static func tcp(host: String, port: Int, tls: ServerTLS? = nil) -> Self {
            Self(place: .tcp(host: host, port: port), tls: tls)
        }

        /// Listens on a Unix domain socket. An existing socket file is replaced; it is removed at the end.
        public static func unix(path: String, tls: ServerTLS? = nil) -> Self {
            Self(place: .unix(path: path), tls: tls)
        }

        public var description: String {
            switch self.place {
            case .tcp(let host, let port): HostAndPort.text(host, port)
            case .unix(let path): path
            }
        }
    }

    public struct Configuration: Sendable {
        public var listeners: [Listener]
        /// The settings of every connection, unless its route has its own.
        public var webSocket: WebSocketConfiguration
        public var http: HTTPLimits
        /// The limits on the number of connections. Default: no limits.
        public var limits = ConnectionLimiter()
        /// The reverse proxies whose `X-Forwarded-*` headers are trusted. Default: none.
        public var trustedProxies = TrustedProxies.none
        /// The most connections that the kernel may hold before the server accepts them. Default: 4,096.
        public var backlog: Int
        /// The time after which handlers that still run without a connection are cancelled at the end. Default: 5 s.
        public var handlerTimeout: Duration = .seconds(5)
        /// The interval at which certificate files are checked for changes. Default: 60 s.
        public var certificateCheckInterval: Duration = .seconds(60)

        public init(
            listeners: [Listener], webSocket: WebSocketConfiguration = .init(), http: HTTPLimits = .init(),
            backlog: Int = 4096
        ) {
            self.listeners = listeners
            self.webSocket = webSocket
            self.http = http
            self.backlog = backlog
        }

        public init(
            host: String = "127.0.0.1",
            port: Int = 8080,
            tls: ServerTLS? = nil,
            webSocket: WebSocketConfiguration = .init(),
            http: HTTPLimits = .init(),
            backlog: Int = 4096
        ) {
            self.init(
                listeners: [.tcp(host: host, port: port, tls: tls)], webSocket: webSocket, http: http,
                backlog: backlog)
        }
    }
}
