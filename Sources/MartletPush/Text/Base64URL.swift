package import FoundationEssentials

/// Base64 with the alphabet of URLs and without padding (RFC 7515, section 2), read strictly: one text for the same
/// bytes.
package enum Base64URL {
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var base64 = ""
        base64.reserveCapacity(text.utf8.count + 3)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"): base64 += "+"
            case UInt8(ascii: "_"): base64 += "/"
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: base64.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        base64 += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: base64), Self.encode(bytes) == text else { return nil }
        return Array(bytes)
    }

    package static func encode(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
