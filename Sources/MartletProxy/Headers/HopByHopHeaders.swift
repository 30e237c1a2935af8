import NIOHTTP1

/// Headers that belong to one connection and are not passed on (RFC 9110, section 7.6.1).
enum HopByHopHeaders {
    private static let names: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "proxy-authorization",
        "proxy-authenticate", "http2-settings",
    ]
    /// The headers that `Connection` may not name: they are for the recipient, or the proxy decides about them.
    private static let protected: Set<String> = [
        "host", "content-length", "content-type", "authorization", "cookie", "set-cookie", "cache-control", "origin",
        "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via", "date", "content-encoding",
    ]

    /// - Returns: `headers` without those of the connection, with room for `more` others; order and case are kept.
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

    /// Returns whether `value` is one that nearly every request has.
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
