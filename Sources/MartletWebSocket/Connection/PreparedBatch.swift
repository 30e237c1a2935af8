public import MartletProtocol
public import NIOCore

/// Messages encoded once, to be sent to many connections.
///
/// A server's frames are not masked, so all connections share the bytes; a client's must be encoded for each.
public struct PreparedBatch: Sendable {
    struct Message: Sendable {
        let kind: MessageKind
        /// Where the frame lies in ``PreparedBatch/frames``.
        let frame: Range<Int>
        /// Where its payload lies.
        let payload: Range<Int>
    }

    private(set) var frames = ByteBuffer()
    private(set) var messages: [Message] = []

    public init() {}

    public var count: Int { self.messages.count }
    public var isEmpty: Bool { self.messages.isEmpty }

    /// - Parameter payload: UTF-8 when `kind` is text; the caller's promise.
    public mutating func append(_ kind: MessageKind, _ payload: ByteBuffer) {
        let start = self.frames.writerIndex
        payload.withUnsafeReadableBytes { _ = self.frames.writeFrame(kind.opcode, payload: $0) }
        let end = self.frames.writerIndex
        self.messages.append(
            Message(kind: kind, frame: start..<end, payload: end - payload.readableBytes..<end))
    }

    public mutating func append(text: String) {
        self.append(.text, ByteBuffer(string: text))
    }
}
