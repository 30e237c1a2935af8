import FoundationEssentials

/// The parts of a `ws://` URL (RFC 6455, section 3).
struct WebSocketURL: Sendable, Hashable {
    let host: String
    let port: Int
    /// Host and, unless it is the scheme's own, port, as the `Host` header wants them.
    let authority: String
    /// The path with the query.
    let target: String

    init(_ text: String) throws(WebSocketError) {
        func invalid(_ reason: String) -> WebSocketError {
            WebSocketError(.invalidURL, reason: "\(text): \(reason)")
        }
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased() else {
            throw invalid("not a URL of the form ws://host:port/path")
        }
        guard scheme == "ws" else {
            throw invalid(scheme == "wss" ? "wss (TLS) is not supported yet" : "the scheme must be ws")
        }
        guard parts.fragment == nil else { throw invalid("a WebSocket URL has no fragment") }
        guard parts.user == nil, parts.password == nil else { throw invalid("user names are not supported") }
        guard let host = parts.percentEncodedHost, !host.isEmpty else { throw invalid("the host is missing") }
        guard (1...65_535).contains(parts.port ?? 80) else { throw invalid("the port is not within 1 and 65535") }
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = parts.port ?? 80
        self.authority = self.port == 80 ? host : "\(host):\(self.port)"
        let path = parts.percentEncodedPath
        self.target = (path.isEmpty ? "/" : path) + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
    }
}
