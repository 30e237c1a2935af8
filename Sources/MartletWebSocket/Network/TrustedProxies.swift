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

    /// What is known about who sent a request.
    package struct Client: Sendable, Hashable {
        /// An IP address, or `nil` for a peer on a Unix domain socket.
        package var address: String?
        package var isSecure: Bool
        /// In place of the request's own host.
        package var authority: String?
    }

    package func contains(_ peer: SocketAddress?) -> Bool {
        guard let address = peer?.ipAddress else { return self.trustsUnixSockets }
        return self.networks.contains { $0.contains(address) }
    }

    /// Who sent a request that came from `peer`: the last address of `X-Forwarded-For` that is no trusted proxy.
    package func client(of request: HTTPRequest, peer: SocketAddress?, isSecure: Bool) -> Client {
        var client = Client(address: peer?.ipAddress, isSecure: isSecure)
        guard self != .none, self.contains(peer) else { return client }
        client.address = self.clientAddress(request.headerFields[values: .xForwardedFor], peer: peer)
        if let scheme = Self.list(request.headerFields[values: .xForwardedProto]).last?.lowercased() {
            client.isSecure = scheme == "https" || scheme == "wss"
        }
        client.authority = Self.list(request.headerFields[values: .xForwardedHost]).last
        return client
    }

    /// The last address of `X-Forwarded-For` that is no trusted proxy, of a request that came from a trusted `peer`.
    package func clientAddress(_ forwardedFor: [String], peer: SocketAddress?) -> String? {
        var client = peer?.ipAddress
        for entry in Self.list(forwardedFor).reversed() {
            let address = Self.withoutPort(entry)
            guard IPNetwork(address) != nil else { break }
            client = address
            guard self.networks.contains(where: { $0.contains(address) }) else { break }
        }
        return client
    }

    /// The IP address of an element of `X-Forwarded-For` or a node of `Forwarded`, without its port; `nil` when it has none.
    package static func address(of node: String) -> String? {
        let address = Self.withoutPort(node)
        return IPNetwork(address) == nil || address.contains("/") ? nil : address
    }

    private static func list(_ values: [String]) -> [String] {
        values.joined(separator: ",").split(separator: ",").map { element in
            var element = element.trimmingPrefix(while: \.isWhitespace)
            while element.last?.isWhitespace ?? false { element.removeLast() }
            return String(element)
        }.filter { !$0.isEmpty }
    }

    /// `192.0.2.1:443` and `[2001:db8::1]:443` without the port.
    private static func withoutPort(_ text: String) -> String {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            return String(text[text.index(after: text.startIndex)..<end])
        }
        guard IPNetwork(text) == nil, let colon = text.lastIndex(of: ":") else { return text }
        return String(text[..<colon])
    }
}

extension HTTPField.Name {
    static let xForwardedFor = Self("X-Forwarded-For")!
    static let xForwardedProto = Self("X-Forwarded-Proto")!
    static let xForwardedHost = Self("X-Forwarded-Host")!
}
