import NIOHTTP1

/// Headers that belong to one connection and are not passed on (RFC 9110, section 7.6.1).
enum HopByHopHeaders {
    private static let names: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "proxy-authorization",
        "proxy-authenticate", "http2-settings",
    ]
    /// What `Connection` may not name, since it is for the recipient, or for the proxy to decide about.
    private static let protected: Set<String> = [
        "host", "content-length", "content-type", "authorization", "cookie", "set-cookie", "cache-control", "origin",
        "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via", "date", "content-encoding",
    ]

    /// - Returns: `headers` without those of the connection, room for `more` further ones, order and case kept.
    static func removed(from headers: HTTPHeaders, more: Int) -> HTTPHeaders {
        var named: Set<String> = []
        for value in headers["connection"] {
            if Self.isUsual(value) { continue }
            for element in value.utf8.split(separator: UInt8(ascii: ",")) {
                let name = HeaderList.trimmed(Substring(element)).lowercased()
                if !name.isEmpty, !Self.names.contains(name), !Self.protected.contains(name) { named.insert(name) }
            }
        }
        var result = HTTPHeaders()
        result.reserveCapacity(headers.count + more)
        for (name, value) in headers {
            guard !Self.isHopByHop(name), named.isEmpty || !named.contains(name.lowercased()) else { continue }
            result.add(name: name, value: value)
        }
        return result
    }

    /// What nearly every request says.
    private static func isUsual(_ value: String) -> Bool {
        value == "keep-alive" || value == "close" || value == "Upgrade" || value == "upgrade" || value == "Keep-Alive"
    }

    private static func isHopByHop(_ name: String) -> Bool {
        // Most names are told apart by their length and first letter.
        switch (name.utf8.count, (name.utf8.first ?? 0) | 0x20) {
        case (10, UInt8(ascii: "c")), (10, UInt8(ascii: "k")), (16, UInt8(ascii: "p")), (2, UInt8(ascii: "t")),
            (17, UInt8(ascii: "t")), (7, UInt8(ascii: "u")), (19, UInt8(ascii: "p")), (18, UInt8(ascii: "p")),
            (14, UInt8(ascii: "h")):
            Self.names.contains(name.lowercased())
        default: false
        }
    }
}
