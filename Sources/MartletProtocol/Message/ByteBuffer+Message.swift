public import NIOCore

extension ByteBuffer {
    /// Appends a message as one frame, or as several when it is longer than `fragmentSize`.
    ///
    /// - Parameters:
    ///   - isCompressed: whether `payload` is the compressed message (RFC 7692).
    ///   - maskingKey: called for each frame; returns a new key for a client, `nil` for a server.
    @inlinable
    public mutating func writeMessage(
        _ kind: MessageKind,
        isCompressed: Bool,
        fragmentSize: Int,
        payload: UnsafeRawBufferPointer,
        maskingKey: () -> UInt32?
    ) {
        guard payload.count > fragmentSize else {
            self.writeFrame(
                kind.opcode, isCompressed: isCompressed, maskingKey: maskingKey(), payload: payload)
            return
        }
        self.reserveCapacity(
            minimumWritableBytes: payload.count
                + (payload.count / fragmentSize + 1) * FrameHeader.maximumLength)
        var start = 0
        while start < payload.count {
            let end = min(start + fragmentSize, payload.count)
            self.writeFrame(
                start == 0 ? kind.opcode : .continuation, isFinal: end == payload.count,
                isCompressed: isCompressed && start == 0, maskingKey: maskingKey(),
                payload: UnsafeRawBufferPointer(rebasing: payload[start..<end]))
            start = end
        }
    }
}
