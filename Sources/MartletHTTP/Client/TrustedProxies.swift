package import HTTPTypes
package import NIOCore
package import NIOHTTP1

/// The reverse proxies in front of a server, whose `X-Forwarded-For`, `-Proto` and `-Host` headers are trusted. From
/// all other peers these headers are ignored, since every client can send them.
public struct TrustedProxies: Sendable, Hashable {
    /// Trusts no proxy. The default.
    public static let none = TrustedProxies()

    private var networks: [IPNetwork] = []
    private var trustsUnixSockets = false

    private init() {}

    /// - Parameters:
    ///   - networks: the networks of the proxies' addresses.
    ///   - unixSockets: whether peers that connect through a Unix domain socket are proxies.
    public init(_ networks: [IPNetwork], unixSockets: Bool = false) {
        self.networks = networks
        self.trustsUnixSockets = unixSockets
    }

    package func contains(_ peer: SocketAddress?) -> Bool {
        guard let address = peer?.ipAddress else { return self.trustsUnixSockets }
        return self.networks.contains { $0.contains(address) }
    }

    /// Returns the client that sent a request which came from `peer`.
    package func client(of request: HTTPRequest, peer: SocketAddress?, isSecure: Bool) -> ClientIdentity {
        ClientIdentity(peer: peer, address: peer?.ipAddress, trusted: self, isSecure: isSecure) {
            request.headerFields[values: $0]
        }
    }

    package func client(of head: HTTPRequestHead, peer: SocketAddress?, isSecure: Bool) -> ClientIdentity {
        ClientIdentity(peer: peer, address: peer?.ipAddress, trusted: self, isSecure: isSecure) {
            head.headers[$0.rawName]
        }
    }

    /// Returns the last address among nodes that is not a trusted proxy's, for a request that came from a trusted
    /// `peer`.
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
