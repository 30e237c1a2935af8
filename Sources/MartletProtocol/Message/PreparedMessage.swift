public import NIOCore
import Synchronization

/// A message encoded once, and compressed once, to be sent to many connections.
///
/// A server's frames are not masked, so all connections share the bytes; a client's must be encoded for each.
public final class PreparedMessage: Sendable {
    /// How large frames may be before a message is split, so that control frames get through. Bytes.
    public static let defaultFragmentSize = 16 * 1024

    public let kind: MessageKind
    public let payload: ByteBuffer
    /// `false` for messages that must not be compressed, such as those with secrets in them.
    public let mayBeCompressed: Bool
    /// The message as frames of a server, not compressed.
    public let frames: ByteBuffer
    /// The same compressed, by the window's bits; `nil` where that does not make it shorter.
    private let compressed = Mutex<[Int: ByteBuffer?]>([:])

    /// - Parameters:
    ///   - payload: UTF-8 when `kind` is text; the caller's promise.
    ///   - compress: `false` to send it as it is even where compression was agreed on.
    public init(_ kind: MessageKind, _ payload: ByteBuffer, compress: Bool = true) {
        self.kind = kind
        self.payload = payload
        self.mayBeCompressed = compress
        var frames = ByteBuffer()
        payload.withUnsafeReadableBytes {
            frames.writeMessage(kind, isCompressed: false, fragmentSize: Self.defaultFragmentSize, payload: $0) { nil }
        }
        self.frames = frames
    }

    public convenience init(text: String, compress: Bool = true) {
        self.init(.text, ByteBuffer(string: text), compress: compress)
    }

    /// The message as frames of a server, compressed on its own; made at the first call for a window.
    ///
    /// - Returns: `nil` when it is to be sent as it is.
    func compressedFrames(
        windowBits: Int, configuration: CompressionConfiguration, contexts: CompressionContexts
    ) -> ByteBuffer? {
        guard self.mayBeCompressed, self.payload.readableBytes >= configuration.threshold else { return nil }
        return self.compressed.withLock { compressed in
            if let known = compressed[windowBits] { return known }
            let deflater = contexts.borrowDeflater(windowBits: windowBits, configuration: configuration)
            defer { contexts.giveBack(deflater) }
            let frames = self.compress(with: deflater)
            compressed[windowBits] = .some(frames)
            return frames
        }
    }

    private func compress(with deflater: Deflater) -> ByteBuffer? {
        var bytes = ByteBuffer()
        self.payload.withUnsafeReadableBytes { deflater.compress($0, isLast: true, into: &bytes) }
        guard bytes.readableBytes < self.payload.readableBytes else { return nil }
        var frames = ByteBuffer()
        bytes.withUnsafeReadableBytes {
            frames.writeMessage(
                self.kind, isCompressed: true, fragmentSize: Self.defaultFragmentSize, payload: $0
            ) { nil }
        }
        return frames
    }
}
