/// Who sent a request, as far as that is known.
struct ClientIdentity: Sendable, Hashable {
    /// Whoever the connection comes from: an IP address, or `nil` for a Unix domain socket.
    var peer: String?
    /// Whether the peer's `Forwarded` headers are believed.
    var isPeerTrusted: Bool
    /// The client behind the trusted proxies; the peer when there are none.
    var address: String?
    /// Whether the connection to the proxy is TLS.
    var isSecure: Bool
}
