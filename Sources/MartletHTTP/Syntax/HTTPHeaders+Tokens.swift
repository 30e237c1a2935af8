package import NIOHTTP1

extension HTTPHeaders {
    /// Whether one of the elements of a list header is `token`, in any case (RFC 9110, section 5.6.1).
    ///
    /// - Parameter token: the token in lower case ASCII.
    package func lists(_ token: StaticString, in name: String) -> Bool {
        for (header, value) in self where Self.isSame(header, name) {
            if Self.lists(token, value) { return true }
        }
        return false
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    private static func lists(_ token: StaticString, _ value: String) -> Bool {
        let length = token.utf8CodeUnitCount
        var matched = 0
        var isOver = false  // only spaces and tabs may follow
        func isMatch() -> Bool { matched == length }
        for byte in value.utf8 {
            if byte == UInt8(ascii: ",") {
                if isMatch() { return true }
                matched = 0
                isOver = false
            } else if byte == 0x20 || byte == 0x09 {
                if matched != 0 { isOver = true }
            } else if !isOver, matched >= 0, matched < length, byte | 0x20 == token.utf8Start[matched] | 0x20 {
                matched += 1
            } else {
                matched = -1
            }
        }
        return isMatch()
    }
}
