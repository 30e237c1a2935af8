public import NIOCore
public import NIOSSL

extension WebSocketClient {
    public struct Configuration: Sendable {
        public var webSocket = WebSocketConfiguration()
        /// For `wss`: trust roots, client certificate and key, and how the server is verified. Default: the system's
        /// trust roots, full verification, TLS 1.2 or later.
        public var tls: TLSConfiguration = {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            return tls
        }()
        /// The name that the server's certificate must have, and that is sent as SNI. Default: the URL's host.
        public var tlsServerName: String?
        /// Default: ``ProxyPolicy/environment``.
        public var proxy: ProxyPolicy = .environment
        /// Connects to this Unix domain socket in place of the URL's host and port, without a proxy.
        public var unixSocketPath: String?
        /// Sends and keeps cookies. Default: none.
        public var cookies: WebSocketCookieJar?
        /// How many redirects are followed (301, 302, 303, 307, 308). Credentials and cookies of the caller do not
        /// cross origins, and a redirect from `wss` to `ws` is an error. Default: 0, a redirect is an error.
        public var maximumRedirects = 0
        /// For the TCP connection, to the proxy if there is one. Several addresses of a host are tried as RFC 8305
        /// (Happy Eyeballs) says. Default: 10 s.
        public var connectTimeout: TimeAmount = .seconds(10)
        /// From the TCP connection to the server's answer, the proxy's and TLS handshakes included. Default: 10 s.
        public var handshakeTimeout: TimeAmount = .seconds(10)
        /// For everything together, name lookup and redirects included. Default: 30 s.
        public var totalTimeout: TimeAmount = .seconds(30)

        public init() {}
    }
}
