public import NIOCore

extension ByteBuffer {
    /// Appends one frame.
    ///
    /// - Parameters:
    ///   - maskingKey: a fresh key for a client's frame, `nil` for a server's.
    /// - Returns: the bytes written.
    @inlinable
    @discardableResult
    public mutating func writeFrame(
        _ opcode: Opcode,
        isFinal: Bool = true,
        isCompressed: Bool = false,
        maskingKey: UInt32? = nil,
        payload: UnsafeRawBufferPointer
    ) -> Int {
        let header = FrameHeader(
            isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, payloadLength: payload.count,
            maskingKey: maskingKey)
        return self.writeWithUnsafeMutableBytes(
            minimumWritableBytes: FrameHeader.maximumLength &+ payload.count
        ) { destination in
            let headerLength = header.encode(to: destination)
            guard !payload.isEmpty else { return headerLength }
            let end = headerLength &+ payload.count
            let body = UnsafeMutableRawBufferPointer(rebasing: destination[headerLength..<end])
            if let maskingKey {
                Mask.apply(maskingKey, from: payload, to: body)
            } else {
                body.copyMemory(from: payload)
            }
            return end
        }
    }
}
