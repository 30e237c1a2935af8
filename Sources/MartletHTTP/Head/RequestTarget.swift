/// The target of a request (RFC 9112, section 3.2): the bytes that are passed on, and the path that routes are matched
/// with.
///
/// A server may decode a path before it uses it. So routes are matched with the decoded path, with runs of slashes as
/// one, and a path that different servers would read differently is refused: dot segments, also encoded ones,
/// backslashes and control bytes.
package struct RequestTarget: Sendable, Hashable {
    /// The path as it was received, without the query; `*` for `OPTIONS *`.
    package let path: Substring
    /// The query with its `?`; empty if there is none.
    package let query: Substring
    /// The host and port of an absolute target, which then take precedence over the Host header.
    package let authority: Substring?
    /// The path that routes are matched with.
    package let decodedPath: String

    /// - Returns: `nil` for a target that is malformed, or that servers would read in different ways.
    package init?(_ target: String, isOptions: Bool) {
        var rest = Substring(target)
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else { return nil }
        var authority: Substring?
        if rest.utf8.first != UInt8(ascii: "/"), let scheme = rest.prefix(8).firstRange(of: "://") {
            guard ["http", "https", "ws", "wss"].contains(rest[..<scheme.lowerBound].lowercased()) else { return nil }
            rest = rest[scheme.upperBound...]
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            authority = rest[..<end]
            guard authority?.contains("@") == false, authority?.isEmpty == false else { return nil }
            rest = rest[end...]
            if rest.utf8.first != UInt8(ascii: "/") { rest = "/" + rest }
        }
        let queryStart = rest.utf8.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        self.authority = authority
        self.path = rest[..<queryStart]
        self.query = rest[queryStart...]
        if self.path.utf8.first == UInt8(ascii: "*"), self.path == "*" {
            guard isOptions else { return nil }
            self.decodedPath = "/"
            return
        }
        guard self.path.utf8.first == UInt8(ascii: "/"), let decoded = Self.decode(self.path) else { return nil }
        self.decodedPath = decoded
    }

    private static func decode(_ path: Substring) -> String? {
        if Self.isPlain(path) { return String(path) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(path.utf8.count)
        var iterator = path.utf8.makeIterator()
        while var byte = iterator.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = iterator.next().flatMap(PercentEncoding.digit),
                    let low = iterator.next().flatMap(PercentEncoding.digit)
                else { return nil }
                byte = high << 4 | low
            }
            guard byte >= 0x20, byte != 0x7F, byte != UInt8(ascii: "\\") else { return nil }
            if byte == UInt8(ascii: "/"), bytes.last == byte { continue }
            bytes.append(byte)
        }
        for segment in bytes.split(separator: UInt8(ascii: "/")) {
            // Some servers read what follows a semicolon as parameters.
            let name = segment.prefix { $0 != UInt8(ascii: ";") }
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return nil }
        }
        guard bytes.contains(UInt8(ascii: ";")) else { return String(decoding: bytes, as: UTF8.self) }
        // A server may use a path without the parameters of its segments (RFC 3986, section 3.3): so do routes.
        let segments = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(decoding: $0.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self)
        }
        return segments.joined(separator: "/")
    }

    /// Whether there is nothing to decode, to merge or to refuse: no `%`, no `\`, no `;`, and no `.` or `/` after a
    /// `/`.
    private static func isPlain(_ path: Substring) -> Bool {
        var last: UInt8 = 0
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: ";"): return false
            case UInt8(ascii: "."), UInt8(ascii: "/"):
                if last == UInt8(ascii: "/") { return false }
            default: break
            }
            last = byte
        }
        return true
    }

    /// Returns the target for the upstream, with the route's prefix replaced.
    package func replacing(prefix: String, with replacement: String) -> String {
        guard self.path != "*" else { return "*" }
        let behind = self.path.hasPrefix(prefix) ? self.path.dropFirst(prefix.count) : nil
        let literal = behind.map { $0.isEmpty || $0.hasPrefix("/") || prefix.hasSuffix("/") } ?? false
        let path = literal ? String(self.path) : Self.encode(self.decodedPath)
        var rest = path.dropFirst(literal ? prefix.count : Self.encode(prefix).count)
        while rest.hasPrefix("/") { rest.removeFirst() }
        let base = replacement.hasSuffix("/") ? replacement : replacement + (rest.isEmpty ? "" : "/")
        return base + rest + self.query
    }

    /// Encodes every byte that RFC 3986 does not allow in a path.
    private static func encode(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                bytes.append(byte)
            case _ where "-._~!$&'()*+,;=:@/".utf8.contains(byte):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
