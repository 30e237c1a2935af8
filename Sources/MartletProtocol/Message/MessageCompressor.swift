public import NIOCore

/// Compresses the messages of one connection as both ends agreed.
///
/// Without context takeover it borrows a compressor for each message; otherwise it borrows one at the first message and
/// keeps it until ``end()``.
public struct MessageCompressor {
    /// The base-2 logarithm of the window that is compressed with.
    public let windowBits: Int
    private let noContextTakeover: Bool
    private let configuration: CompressionConfiguration
    private let contexts: CompressionContexts
    private var deflater: Deflater?

    /// - Parameters:
    ///   - role: which end we are.
    ///   - contexts: those of the event loop.
    public init(
        role: Role, parameters: DeflateParameters, configuration: CompressionConfiguration,
        contexts: CompressionContexts
    ) {
        self.windowBits = parameters.windowBits(of: role)
        self.noContextTakeover = parameters.hasNoContextTakeover(role)
        self.configuration = configuration
        self.contexts = contexts
    }

    /// Whether messages that were compressed depend on those before, so that none of them may be left out.
    public var keepsContext: Bool { !self.noContextTakeover }

    /// Whether a message of this length is worth compressing.
    public func isWorthwhile(length: Int) -> Bool { length >= self.configuration.threshold }

    /// Compresses a whole message.
    ///
    /// - Returns: `false` when the message does not become shorter; then it is to be sent as it is.
    public mutating func compress(_ payload: UnsafeRawBufferPointer, into output: inout ByteBuffer) -> Bool {
        let start = output.writerIndex
        self.compressPart(payload, isLast: true, into: &output)
        // With a context kept, the peer must see what went into it.
        guard self.noContextTakeover, output.writerIndex - start >= payload.count else { return true }
        output.moveWriterIndex(to: start)
        return false
    }

    /// Compresses the next part of a message; `output` may get nothing until the last.
    public mutating func compressPart(
        _ payload: UnsafeRawBufferPointer, isLast: Bool, into output: inout ByteBuffer
    ) {
        let deflater =
            self.deflater
            ?? self.contexts.borrowDeflater(windowBits: self.windowBits, configuration: self.configuration)
        self.deflater = deflater
        deflater.compress(payload, isLast: isLast, into: &output)
        if isLast, self.noContextTakeover { self.end() }
    }

    /// Appends a server's frame of a message that is compressed on its own, for every connection with this window.
    public func writeAlone(
        _ kind: MessageKind, _ payload: UnsafeRawBufferPointer, compress: Bool, into frames: inout ByteBuffer
    ) {
        guard compress, self.isWorthwhile(length: payload.count) else {
            frames.writeFrame(kind.opcode, payload: payload)
            return
        }
        let deflater = self.contexts.borrowDeflater(windowBits: self.windowBits, configuration: self.configuration)
        var bytes = self.contexts.borrowBuffer()
        deflater.compress(payload, isLast: true, into: &bytes)
        let isShorter = bytes.readableBytes < payload.count
        bytes.withUnsafeReadableBytes {
            _ = frames.writeFrame(kind.opcode, isCompressed: isShorter, payload: isShorter ? $0 : payload)
        }
        self.contexts.giveBack(bytes)
        self.contexts.giveBack(deflater)
    }

    /// The frames of a message that was compressed once for many connections.
    public func compressed(_ message: PreparedMessage) -> ByteBuffer? {
        message.compressedFrames(
            windowBits: self.windowBits, configuration: self.configuration, contexts: self.contexts)
    }

    /// A message compressed elsewhere is being sent: the next ones must refer to nothing before it.
    public func forgetPast() { self.deflater?.reset() }

    /// The connection has ended: gives back what was borrowed.
    public mutating func end() {
        if let deflater = self.deflater { self.contexts.giveBack(deflater) }
        self.deflater = nil
    }
}
