import MartletWebSocket

/// The encoding of names inside an ``ResumeID``: percent-encoded (RFC 3986, section 2.1), except letters, digits,
/// `-` and `_`.
enum EventNameCoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy(PlainByte.isPlain) { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if PlainByte.isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Returns: `nil` for what ``encode(_:)`` does not write.
    static func decode(_ text: Substring) -> String? {
        guard let decoded = PercentEncoding.decodeForm(text), Self.encode(decoded) == text else { return nil }
        return decoded
    }
}
