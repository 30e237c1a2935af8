package import HTTPTypes
package import NIOCore
package import NIOHTTP1

/// The client that sent a request, as far as the connection and the headers of trusted proxies tell.
package struct ClientIdentity: Sendable, Hashable {
    /// The IP address of the peer; `nil` for a Unix domain socket.
    package var peer: String?
    /// Whether the peer's `Forwarded` headers are trusted.
    package var isPeerTrusted: Bool
    /// The IP address of the client behind the trusted proxies; the peer's if there are none.
    package var address: String?
    /// Whether the connection to this server uses TLS.
    package var isSecure: Bool
    /// Whether the client's own connection uses TLS, to this server or to the last trusted proxy.
    package var isClientSecure: Bool
    /// The host that the client named, in place of the request's own; `nil` if no trusted proxy reports one.
    package var authority: String?

    package init(peer: String?, isPeerTrusted: Bool, address: String?, isSecure: Bool) {
        self.peer = peer
        self.isPeerTrusted = isPeerTrusted
        self.address = address
        self.isSecure = isSecure
        self.isClientSecure = isSecure
    }

    /// - Parameters:
    ///   - peer: the address that the connection comes from.
    ///   - address: the peer's address as text.
    ///   - trusted: the proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are trusted, or `Forwarded` without these
    ///     three.
    ///   - values: returns the values of a header, in order; called only if the peer is trusted.
    package init(
        peer: SocketAddress?, address: String?, trusted: TrustedProxies, isSecure: Bool,
        values: (HTTPField.Name) -> [String]
    ) {
        self.init(
            peer: address, isPeerTrusted: trusted != .none && trusted.contains(peer), address: address,
            isSecure: isSecure)
        guard self.isPeerTrusted else { return }
        var nodes = HeaderList.elements(values(.xForwardedFor)).map(String.init)
        var proto = HeaderList.elements(values(.xForwardedProto)).last.map(String.init)
        var host = HeaderList.elements(values(.xForwardedHost)).last.map(String.init)
        if nodes.isEmpty, proto == nil, host == nil {
            // A proxy that knows both families keeps the older one right: a client could have written the other.
            let elements = HeaderList.elements(values(.forwarded))
            nodes = elements.map { ForwardedNodes.parameter("for", of: $0) ?? "unknown" }
            // The last element describes the connection to the last proxy before this server.
            proto = elements.last.flatMap { ForwardedNodes.parameter("proto", of: $0) }
            host = elements.last.flatMap { ForwardedNodes.parameter("host", of: $0) }
        }
        self.address = trusted.clientAddress(nodes, peer: peer)
        if let proto = proto?.lowercased() { self.isClientSecure = proto == "https" || proto == "wss" }
        self.authority = host.flatMap { HostAndPort.isAuthority($0) ? $0 : nil }
    }

    package init(
        _ headers: HTTPHeaders, peer: SocketAddress?, address: String?, trusted: TrustedProxies, isSecure: Bool
    ) {
        self.init(peer: peer, address: address, trusted: trusted, isSecure: isSecure) { headers[$0.canonicalName] }
    }
}

extension HTTPField.Name {
    package static let xForwardedFor = Self("X-Forwarded-For")!
    package static let xForwardedProto = Self("X-Forwarded-Proto")!
    package static let xForwardedHost = Self("X-Forwarded-Host")!
    /// The header `Forwarded` (RFC 7239).
    package static let forwarded = Self("Forwarded")!
}
