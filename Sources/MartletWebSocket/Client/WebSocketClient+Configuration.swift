public import NIOCore
public import NIOSSL

extension WebSocketClient {
    public struct Configuration: Sendable {
        public var webSocket = WebSocketConfiguration()
        /// The TLS configuration for `wss`: trust roots, client certificate and key, and how the server is verified.
        /// Default: the system's trust roots, full verification, TLS 1.2 or later.
        public var tls: TLSConfiguration = {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            return tls
        }()
        /// The name that the server's certificate must have, also sent as SNI. Default: the URL's host.
        public var tlsServerName: String?
        /// The proxy to connect through. Default: ``ProxyPolicy/environment``.
        public var proxy: ProxyPolicy = .environment
        /// The Unix domain socket to connect to in place of the URL's host and port, without a proxy. Default: none.
        public var unixSocketPath: String?
        /// The cookies to send, and where to keep new ones. Default: none.
        public var cookies: WebSocketCookieJar?
        /// The most redirects to follow (301, 302, 303, 307, 308). The caller's credentials and cookies are not sent to
        /// another origin, and a redirect from `wss` to `ws` is an error. Default: 0, a redirect is an error.
        public var maximumRedirects = 0
        /// The time limit for the TCP connection, to the proxy if there is one. Several addresses of a host are tried
        /// as RFC 8305 (Happy Eyeballs) says. Default: 10 s.
        public var connectTimeout: TimeAmount = .seconds(10)
        /// The time limit from the TCP connection to the server's response, including the handshakes of the proxy and
        /// of TLS. Default: 10 s.
        public var handshakeTimeout: TimeAmount = .seconds(10)
        /// The time limit for everything together, including name lookup and redirects. Default: 30 s.
        public var totalTimeout: TimeAmount = .seconds(30)

        public init() {}
    }
}
