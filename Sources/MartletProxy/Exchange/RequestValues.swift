import MartletWebSocket
import NIOHTTP1

/// Single values out of a request.
enum RequestValues {
    /// RFC 6265, section 5.4; the first of that name.
    static func cookie(_ name: String, in headers: HTTPHeaders) -> String? {
        for header in headers["cookie"] {
            for pair in header.split(separator: ";") {
                let parts = pair.drop { $0 == " " || $0 == "\t" }.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, parts[0] == name { return String(parts[1]) }
            }
        }
        return nil
    }

    /// - Parameter query: with its question mark.
    static func query(_ name: String, in query: Substring) -> String? {
        for pair in query.dropFirst().split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[0] == name { return PercentEncoding.decodeForm(parts[1]) ?? String(parts[1]) }
        }
        return nil
    }

    /// The query without a name: `?a=1&token=x` becomes `?a=1`.
    static func removing(_ name: String, from query: Substring) -> String {
        let pairs = query.dropFirst().split(separator: "&").filter {
            $0 != name && !$0.hasPrefix(name + "=")
        }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }
}
