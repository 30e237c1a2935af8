import MartletHTTP

/// The origin of a page: scheme, host and port (RFC 6454).
struct Origin: Hashable {
    let scheme: String
    let host: String
    let port: Int

    /// - Parameter text: `https://example.com:8443`; anything else, including `null`, is not an origin.
    init?(_ text: String) {
        let lowered = text.lowercased()
        guard text.utf8.allSatisfy({ $0 < 0x80 }), let colon = lowered.firstRange(of: "://") else { return nil }
        self.init(scheme: String(lowered[..<colon.lowerBound]), authority: String(lowered[colon.upperBound...]))
    }

    /// - Parameter authority: `example.com`, `example.com:8080`, `[::1]:8080`.
    init?(scheme: String, authority: String) {
        guard Self.isScheme(scheme), HostAndPort.isAuthority(authority),
            let (host, port) = HostAndPort.split(authority.lowercased()), !host.isEmpty,
            !host.utf8.contains(UInt8(ascii: "*"))
        else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme == "https" || scheme == "wss" ? 443 : 80)
    }

    /// Whether a text in lower case is a scheme (RFC 3986, section 3.1).
    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, UInt8(ascii: "a")...UInt8(ascii: "z") ~= first else { return false }
        return text.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
    }
}
