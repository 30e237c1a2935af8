import FoundationEssentials

/// The parts of a `ws://` or `wss://` URL (RFC 6455, section 3). User name and password become Basic credentials.
struct WebSocketURL: Sendable, Hashable {
    let isSecure: Bool
    /// The host, an IPv6 address without its brackets.
    let host: String
    let port: Int
    /// The host and, unless it is the scheme's default, the port, as the value of a `Host` header.
    let authority: String
    /// The path with the query.
    let target: String
    let credentials: BasicCredentials?

    init(_ text: String) throws(WebSocketError) {
        func invalid(_ reason: String) -> WebSocketError {
            // The text before the @ may contain a password.
            let shown = text.firstIndex(of: "@").map { "…" + text[$0...] } ?? text
            return WebSocketError(.invalidURL, reason: "\(shown): \(reason)")
        }
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased() else {
            throw invalid("not a URL of the form ws://host:port/path")
        }
        guard scheme == "ws" || scheme == "wss" else { throw invalid("the scheme must be ws or wss") }
        guard parts.fragment == nil else { throw invalid("a WebSocket URL has no fragment") }
        guard let host = parts.percentEncodedHost, !host.isEmpty else { throw invalid("the host is missing") }
        guard host.utf8.count <= 253 else { throw invalid("the host is longer than 253 bytes") }
        let isSecure = scheme == "wss"
        let usual = isSecure ? 443 : 80
        guard (1...65_535).contains(parts.port ?? usual) else { throw invalid("the port is not within 1 and 65535") }
        self.isSecure = isSecure
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = parts.port ?? usual
        self.authority = self.port == usual ? host : "\(host):\(self.port)"
        let path = parts.percentEncodedPath
        self.target = (path.isEmpty ? "/" : path) + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
        self.credentials = parts.user.map { BasicCredentials(user: $0, password: parts.password ?? "") }
    }

    private init(_ other: WebSocketURL, target: String) {
        self.isSecure = other.isSecure
        self.host = other.host
        self.port = other.port
        self.authority = other.authority
        self.target = target
        self.credentials = other.credentials
    }

    /// Returns the URL that a redirect leads to: an absolute URL (`http` becomes `ws`, `https` becomes `wss`) or a path
    /// on this host.
    func resolving(_ location: String) throws(WebSocketError) -> WebSocketURL {
        if location.hasPrefix("/"), !location.hasPrefix("//") { return WebSocketURL(self, target: location) }
        guard let colon = location.firstRange(of: "://") else {
            throw WebSocketError(.invalidURL, reason: "the redirect leads to \(location), which is not an absolute URL")
        }
        let rest = location[colon.upperBound...]
        switch location[..<colon.lowerBound].lowercased() {
        case "http": return try WebSocketURL("ws://\(rest)")
        case "https": return try WebSocketURL("wss://\(rest)")
        default: return try WebSocketURL(location)
        }
    }

    /// Whether both have the same scheme, host and port.
    func hasSameOrigin(as other: WebSocketURL) -> Bool {
        self.isSecure == other.isSecure && self.port == other.port
            && self.host.lowercased() == other.host.lowercased()
    }
}
