/// A `RequestPath` compares paths as routers do: empty segments are ignored, so that `/sse/` and `//sse` are `/sse`.
package enum RequestPath {
    /// - Parameters:
    ///   - path: of a request, perhaps with a query; `nil` for none.
    ///   - own: of an endpoint, without empty segments.
    package static func isSame(_ path: String?, _ own: String) -> Bool {
        guard let path else { return false }
        var own = own.utf8.makeIterator()
        var isBehindSlash = false
        for byte in path.utf8 {
            if byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") { break }
            if byte == UInt8(ascii: "/") {
                isBehindSlash = true
                continue
            }
            if isBehindSlash, own.next() != UInt8(ascii: "/") { return false }
            isBehindSlash = false
            if own.next() != byte { return false }
        }
        return own.next() == nil
    }
}
