public import MartletWebSocket

/// A place where clients connect.
public struct ListenerConfiguration: Sendable {
    public var address: ProxyAddress
    /// The certificate and key, for HTTPS and wss. Default: `nil`, plain TCP.
    public var tls: TLSFiles?
    /// Whether clients may speak HTTP/2; over TLS only. Default: `true`.
    public var isHTTP2Allowed = true
    /// Whether every connection begins with a PROXY protocol header, version 1 or 2; one without is refused. Only for a
    /// listener that nobody but a load balancer reaches. Default: `false`.
    public var expectsProxyProtocol = false
    /// The reverse proxies whose `Forwarded` and `X-Forwarded-*` headers are believed. Default: none.
    public var trustedProxies = TrustedProxies.none

    public init(address: ProxyAddress) { self.address = address }

    /// Names of PEM files.
    public struct TLSFiles: Sendable, Hashable {
        public var certificate: String
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }
}
