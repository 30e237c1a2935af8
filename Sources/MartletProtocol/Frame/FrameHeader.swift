/// The first 2 to 14 bytes of a frame (RFC 6455, section 5.2).
///
/// ```
///  byte 0   FIN(1) RSV1(1) RSV2(1) RSV3(1) opcode(4)
///  byte 1   MASK(1) length(7)      126: 2 more bytes follow, 127: 8 more, both big endian
///  …        masking key (4), when MASK is set
/// ```
public struct FrameHeader: Sendable, Hashable {
    /// The longest header: 2 bytes, 8 of extended length, 4 of masking key.
    public static let maximumLength = 14

    public var isFinal: Bool
    /// RSV1: whether the message is compressed (RFC 7692, section 6). Set only on the first frame of a text or binary
    /// message.
    public var isCompressed: Bool
    public var opcode: Opcode
    /// The length of the payload in bytes, 0 … 2⁶³−1.
    public var payloadLength: Int
    /// The four bytes of the key as they lie in memory, or `nil` for an unmasked frame.
    public var maskingKey: UInt32?

    @inlinable
    public init(
        isFinal: Bool = true, isCompressed: Bool = false, opcode: Opcode, payloadLength: Int,
        maskingKey: UInt32? = nil
    ) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.payloadLength = payloadLength
        self.maskingKey = maskingKey
    }

    /// The number of bytes that this header takes on the wire: 2, 4, 6, 8, 10 or 14.
    @inlinable
    public var encodedLength: Int {
        Self.encodedLength(payloadLength: self.payloadLength, isMasked: self.maskingKey != nil)
    }

    @inlinable
    public static func encodedLength(payloadLength: Int, isMasked: Bool) -> Int {
        (payloadLength < 126 ? 2 : payloadLength < 65_536 ? 4 : 10) &+ (isMasked ? 4 : 0)
    }
}
