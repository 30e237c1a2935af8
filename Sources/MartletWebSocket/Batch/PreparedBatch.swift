public import MartletProtocol
public import NIOCore
import Synchronization

/// Messages encoded once, and compressed once, to be sent to many connections in one system call each.
///
/// A server's frames are not masked, so all connections share the bytes; a client's must be encoded for each.
public struct PreparedBatch: Sendable {
    struct Message: Sendable {
        let kind: MessageKind
        let compress: Bool
        /// The range of the payload in ``PreparedBatch/frames``.
        let payload: Range<Int>
    }

    /// The compressed form by the window's bits; made when the first connection asks for it.
    private final class Compressed: Sendable {
        let frames = Mutex<[Int: ByteBuffer]>([:])
    }

    /// The frames; each message is one frame, so that its payload is contiguous here.
    package private(set) var frames = ByteBuffer()
    private(set) var messages: [Message] = []
    private var compressed = Compressed()

    public init() {}

    public var count: Int { self.messages.count }
    public var isEmpty: Bool { self.messages.isEmpty }

    /// - Parameters:
    ///   - payload: the payload; must be UTF-8 when `kind` is text, which is not checked.
    ///   - compress: `false` to send it uncompressed even if compression was agreed on.
    public mutating func append(_ kind: MessageKind, _ payload: ByteBuffer, compress: Bool = true) {
        payload.withUnsafeReadableBytes { self.append(kind, $0, compress: compress) }
    }

    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { self.append(.text, UnsafeRawBufferPointer($0), compress: true) }
    }

    private mutating func append(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer, compress: Bool) {
        self.frames.writeFrame(kind.opcode, payload: payload)
        let end = self.frames.writerIndex
        self.messages.append(Message(kind: kind, compress: compress, payload: end - payload.count..<end))
        if self.messages.count > 1 { self.compressed = Compressed() }
    }

    /// Returns the frames for a connection with compression.
    func frames(compressedBy compressor: MessageCompressor) -> ByteBuffer {
        self.compressed.frames.withLock { frames in
            if let known = frames[compressor.windowBits] { return known }
            var made = ByteBuffer()
            for message in self.messages {
                self.frames.withUnsafeReadableBytes { bytes in
                    let payload = UnsafeRawBufferPointer(rebasing: bytes[message.payload])
                    compressor.writeAlone(message.kind, payload, compress: message.compress, into: &made)
                }
            }
            frames[compressor.windowBits] = made
            return made
        }
    }
}
