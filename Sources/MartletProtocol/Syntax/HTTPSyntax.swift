/// Grammar of HTTP that headers share (RFC 9110, section 5.6).
package enum HTTPSyntax {
    /// Whether a byte may stand in a token (section 5.6.2): letters, digits and any of ``!#$%&'*+-.^_`|~``. A bit of two
    /// words stands for each byte of ASCII.
    @inline(__always)
    package static func isTokenByte(_ byte: UInt8) -> Bool {
        let word: UInt64 = byte < 0x40 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 0x80 && word >> UInt64(byte & 0x3F) & 1 == 1
    }

    /// Whether a text is a token, which has at least one byte.
    package static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { Self.isTokenByte($0) }
    }

    /// Whether a byte may stand in a Host header: visible ASCII without what separates it from other parts of a URL or a list.
    package static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "\\"),
            UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }
}
