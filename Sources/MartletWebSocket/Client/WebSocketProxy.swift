import FoundationEssentials

/// A proxy that a client connects through.
public struct WebSocketProxy: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case http
        /// An HTTP proxy that is reached over TLS.
        case https
        case socks5
    }

    let kind: Kind
    let host: String
    let port: Int
    let credentials: BasicCredentials?

    /// Returns a proxy that tunnels by HTTP `CONNECT` (RFC 9110, section 9.3.6).
    public static func http(host: String, port: Int, credentials: BasicCredentials? = nil) -> Self {
        Self(kind: .http, host: host, port: port, credentials: credentials)
    }

    /// Returns a proxy that tunnels by HTTP `CONNECT` and is reached over TLS.
    public static func https(host: String, port: Int, credentials: BasicCredentials? = nil) -> Self {
        Self(kind: .https, host: host, port: port, credentials: credentials)
    }

    /// Returns a SOCKS5 proxy without a user name (RFC 1928). The proxy looks up the host name.
    public static func socks5(host: String, port: Int) -> Self {
        Self(kind: .socks5, host: host, port: port, credentials: nil)
    }

    private init(kind: Kind, host: String, port: Int, credentials: BasicCredentials?) {
        self.kind = kind
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// - Parameter url: `http://user:password@host:3128`, `https://…`, `socks5://…`, `socks5h://…` or `host:port`,
    ///   which means `http`.
    /// - Throws: ``WebSocketError`` with the code `invalidURL`.
    public init(url: String) throws(WebSocketError) {
        func invalid(_ reason: String) -> WebSocketError {
            WebSocketError(.invalidURL, reason: "the proxy's URL is not valid: \(reason)")
        }
        let text = url.contains("://") ? url : "http://" + url
        guard let parts = URLComponents(string: text), let host = parts.percentEncodedHost, !host.isEmpty else {
            throw invalid("write http://host:port or socks5://host:port")
        }
        let kinds: [String: (Kind, Int)] = [
            "http": (.http, 80), "https": (.https, 443), "socks5": (.socks5, 1080), "socks5h": (.socks5, 1080),
        ]
        guard let (kind, usual) = kinds[parts.scheme?.lowercased() ?? ""] else {
            throw invalid("the scheme must be http, https or socks5")
        }
        guard (1...65_535).contains(parts.port ?? usual) else { throw invalid("the port is not within 1 and 65535") }
        guard kind != .socks5 || parts.user == nil else {
            throw invalid("user names are not supported on a SOCKS5 proxy")
        }
        self.init(
            kind: kind, host: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host,
            port: parts.port ?? usual,
            credentials: parts.user.map { BasicCredentials(user: $0, password: parts.password ?? "") })
    }
}
