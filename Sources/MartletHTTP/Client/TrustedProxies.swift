package import HTTPTypes
package import NIOCore

/// The reverse proxies in front of a server, whose `X-Forwarded-For`, `-Proto` and `-Host` headers are believed. From
/// anybody else they are ignored, since every client can send them.
public struct TrustedProxies: Sendable, Hashable {
    /// Nobody is believed. The default.
    public static let none = TrustedProxies()

    private var networks: [IPNetwork] = []
    private var trustsUnixSockets = false

    private init() {}

    /// - Parameters:
    ///   - networks: of the proxies' addresses.
    ///   - unixSockets: whether whoever connects through a Unix domain socket is a proxy.
    public init(_ networks: [IPNetwork], unixSockets: Bool = false) {
        self.networks = networks
        self.trustsUnixSockets = unixSockets
    }

    package func contains(_ peer: SocketAddress?) -> Bool {
        guard let address = peer?.ipAddress else { return self.trustsUnixSockets }
        return self.networks.contains { $0.contains(address) }
    }

    /// Who sent a request that came from `peer`.
    package func client(of request: HTTPRequest, peer: SocketAddress?, isSecure: Bool) -> ClientIdentity {
        ClientIdentity(peer: peer, address: peer?.ipAddress, trusted: self, isSecure: isSecure) {
            request.headerFields[values: $0]
        }
    }

    /// The last address among nodes that is no trusted proxy, of a request that came from a trusted `peer`.
    ///
    /// - Parameter nodes: elements of `X-Forwarded-For`, or nodes of `Forwarded`, the client first.
    package func clientAddress(_ nodes: [String], peer: SocketAddress?) -> String? {
        var client = peer?.ipAddress
        for node in nodes.reversed() {
            guard let address = ForwardedNodes.address(of: node) else { break }
            client = address
            guard self.networks.contains(where: { $0.contains(address) }) else { break }
        }
        return client
    }
}
