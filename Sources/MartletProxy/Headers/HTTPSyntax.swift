/// Grammar of RFC 9110.
enum HTTPSyntax {
    /// Section 5.6.2: letters, digits and any of ``!#$%&'*+-.^_`|~``. A bit of two words for each byte of ASCII.
    @inline(__always)
    static func isTokenByte(_ byte: UInt8) -> Bool {
        let word: UInt64 = byte < 0x40 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 0x80 && word >> UInt64(byte & 0x3F) & 1 == 1
    }

    /// What may stand in a Host header: visible ASCII without what separates it from other parts of a URL or a list.
    static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "\\"),
            UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }
}
