import MartletWebSocket
import NIOCore
import NIOHTTP1

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

extension ClientIdentity {
    /// - Parameters:
    ///   - address: the peer's, as text.
    ///   - trusted: whose `X-Forwarded-For`, or `Forwarded` without it, is believed.
    init(_ headers: HTTPHeaders, peer: SocketAddress?, address: String?, trusted: TrustedProxies, isSecure: Bool) {
        self.peer = address
        self.isPeerTrusted = trusted != .none && trusted.contains(peer)
        if self.isPeerTrusted {
            let nodes = headers["x-forwarded-for"]
            self.address = trusted.clientAddress(
                nodes.isEmpty ? ForwardedNodes.parse(headers["forwarded"]) : nodes, peer: peer)
        } else {
            self.address = address
        }
        self.isSecure = isSecure
    }
}
