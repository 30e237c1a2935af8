public import NIOCore
import Synchronization

/// A message encoded once, and compressed once, to be sent to many connections.
///
/// A server's frames are not masked, so all connections share the bytes; a client's must be encoded for each.
public final class PreparedMessage: Sendable {
    /// The size in bytes beyond which a message is split into frames, so that control frames can come between.
    public static let defaultFragmentSize = 16 * 1024

    public let kind: MessageKind
    public let payload: ByteBuffer
    /// Whether the message may be compressed; `false` for one that contains secrets, for example.
    public let mayBeCompressed: Bool
    /// The message as frames of a server, not compressed.
    public let frames: ByteBuffer
    /// The compressed frames by the window's bits; `nil` if compression does not make the message shorter.
    private let compressed = Mutex<[Int: ByteBuffer?]>([:])

    /// - Parameters:
    ///   - payload: the payload; must be UTF-8 when `kind` is text, which is not checked.
    ///   - compress: `false` to send it uncompressed even if compression was agreed on.
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

    /// Returns the message as a server's frames, compressed on its own; they are made at the first call for a window.
    ///
    /// - Returns: `nil` when the message is to be sent uncompressed.
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
