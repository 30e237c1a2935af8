/// The URL of an upstream server: `http://127.0.0.1:8002`, `https://app.internal`. It has no path; a request's is kept.
public struct UpstreamURL: Sendable, Hashable, CustomStringConvertible {
    public let isSecure: Bool
    public let host: String
    public let port: Int

    /// - Returns: `nil` for anything but a scheme (`http`, `https`, `ws`, `wss`), a host and perhaps a port.
    public init?(_ text: String) {
        let parts = text.split(separator: "://", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        switch parts[0].lowercased() {
        case "http", "ws": self.isSecure = false
        case "https", "wss": self.isSecure = true
        default: return nil
        }
        var authority = parts[1]
        if authority.hasSuffix("/") { authority.removeLast() }
        guard let (host, port) = HostAndPort.split(authority), !host.isEmpty,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"/?#@\\".utf8.contains($0) })
        else { return nil }
        self.host = host
        self.port = port ?? (self.isSecure ? 443 : 80)
    }

    /// The authority as a Host header has it: without the scheme's own port.
    public var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.isSecure ? 443 : 80) ? host : "\(host):\(self.port)"
    }

    public var description: String { "\(self.isSecure ? "https" : "http")://\(self.authority)" }
}
