extension FrameHeader {
    /// The result of decoding the first bytes of a frame.
    public enum DecodingResult: Sendable, Hashable {
        /// More bytes are needed; those so far are valid.
        case needMoreData
        /// The header, and the number of bytes it took.
        case header(FrameHeader, length: Int)
        case violation(ProtocolViolation)
    }

    /// Reads a header and checks everything that RFC 6455, section 5.2 to 5.5, demands of it alone.
    ///
    /// - Parameter allowsCompression: whether permessage-deflate was agreed on, so that RSV1 may be set.
    ///
    /// A violation is reported as soon as the byte that proves it is there, even when the header is incomplete.
    @inlinable
    public static func decode(_ bytes: UnsafeRawBufferPointer, role: Role, allowsCompression: Bool = false)
        -> DecodingResult
    {
        guard bytes.count >= 2, let base = bytes.baseAddress else { return .needMoreData }
        let first = base.load(as: UInt8.self)
        let second = base.load(fromByteOffset: 1, as: UInt8.self)
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            return .violation(first & 0x70 == 0 ? .reservedOpcode : .reservedBits)
        }
        let isCompressed = first & 0x40 != 0
        guard first & 0x30 == 0, !isCompressed || allowsCompression && (opcode == .text || opcode == .binary) else {
            return .violation(.reservedBits)
        }
        let isFinal = first & 0x80 != 0
        let shortLength = Int(second & 0x7F)
        if opcode.isControl {
            guard isFinal else { return .violation(.fragmentedControlFrame) }
            guard shortLength <= 125 else { return .violation(.controlFrameTooLong) }
        }
        let isMasked = second & 0x80 != 0
        if let violation = MaskCheck.violation(isMasked: isMasked, isMaskExpected: role.receivesMaskedFrames) {
            return .violation(violation)
        }

        var headerLength = 2
        var payloadLength = shortLength
        if shortLength == 126 {
            guard bytes.count >= 4 else { return .needMoreData }
            payloadLength = Int(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard payloadLength >= 126 else { return .violation(.lengthNotMinimal) }
            headerLength = 4
        } else if shortLength == 127 {
            guard bytes.count >= 10 else { return .needMoreData }
            let length = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard length >> 63 == 0 else { return .violation(.lengthSignBit) }
            guard length >= 65_536 else { return .violation(.lengthNotMinimal) }
            payloadLength = Int(length)
            headerLength = 10
        }

        var maskingKey: UInt32?
        if isMasked {
            guard bytes.count >= headerLength &+ 4 else { return .needMoreData }
            maskingKey = base.loadUnaligned(fromByteOffset: headerLength, as: UInt32.self)
            headerLength &+= 4
        }
        return .header(
            FrameHeader(
                isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, payloadLength: payloadLength,
                maskingKey: maskingKey),
            length: headerLength
        )
    }
}
