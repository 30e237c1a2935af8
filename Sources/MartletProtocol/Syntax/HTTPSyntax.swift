/// Grammar of HTTP that headers share (RFC 9110, section 5.6).
///
/// It is public so that its functions, which look at each byte, can be inlined into other modules; it has no public
/// members.
public enum HTTPSyntax {
    /// Whether a byte may appear in a token (section 5.6.2): letters, digits and any of ``!#$%&'*+-.^_`|~``. Two words
    /// hold one bit for each byte of ASCII.
    @inlinable
    package static func isTokenByte(_ byte: UInt8) -> Bool {
        let word: UInt64 = byte < 0x40 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 0x80 && word >> UInt64(byte & 0x3F) & 1 == 1
    }

    /// Whether a text is a token, which has at least one byte.
    package static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { Self.isTokenByte($0) }
    }

    /// Whether a byte may appear in a Host header (RFC 3986, section 3.2.2): all that a name or an address may contain
    /// except the comma, which separates the elements of a list.
    @inlinable
    package static func isHostByte(_ byte: UInt8) -> Bool {
        // Letters, digits and any of -._~!$&'()*+;=%:[]; two words hold one bit for each byte of ASCII.
        let word: UInt64 = byte < 0x40 ? 0x2FFF_6FF2_0000_0000 : 0x47FF_FFFE_AFFF_FFFE
        return byte < 0x80 && word >> UInt64(byte & 0x3F) & 1 == 1
    }
}
