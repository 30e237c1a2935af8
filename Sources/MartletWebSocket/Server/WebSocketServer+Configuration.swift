extension WebSocketServer {
    /// Where a server listens.
    public struct Listener: Sendable, CustomStringConvertible {
        enum Place: Sendable {
            case tcp(host: String, port: Int)
            case unix(path: String)
        }

        let place: Place
        let tls: ServerTLS?

        /// - Parameters:
        ///   - port: 0 lets the kernel choose: see ``WebSocketServer/localAddresses``.
        ///   - tls: `nil` for plain TCP.
        public static func tcp(host: String, port: Int, tls: ServerTLS? = nil) -> Self {
            Self(place: .tcp(host: host, port: port), tls: tls)
        }

        /// A Unix domain socket. A socket file that is there already is replaced; it is removed at the end.
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
        /// Of every connection, unless a route has its own.
        public var webSocket: WebSocketConfiguration
        public var http: HTTPLimits
        /// How many connections there may be. Default: no limits.
        public var limits = ConnectionLimiter()
        /// Reverse proxies whose `X-Forwarded-*` headers count. Default: none.
        public var trustedProxies = TrustedProxies.none
        /// Connections that the kernel may hold before we accept them. Default: 4,096.
        public var backlog: Int
        /// At the end, handlers that go on without a connection are cancelled after this time. Default: 5 s.
        public var handlerTimeout: Duration = .seconds(5)
        /// Certificate files are looked at this often. Default: 60 s.
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
