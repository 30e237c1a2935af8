public import NIOCore

/// Compresses the messages of one connection with the parameters that both ends agreed on.
///
/// Without context takeover it borrows a compressor for each message; otherwise it borrows one at the first message and
/// keeps it until ``end()``.
public struct MessageCompressor {
    /// The base-2 logarithm of the window used for compression.
    public let windowBits: Int
    private let noContextTakeover: Bool
    private let configuration: CompressionConfiguration
    private let contexts: CompressionContexts
    private var deflater: Deflater?

    /// - Parameters:
    ///   - role: which end we are.
    ///   - contexts: the contexts of the event loop.
    public init(
        role: Role, parameters: DeflateParameters, configuration: CompressionConfiguration,
        contexts: CompressionContexts
    ) {
        self.windowBits = parameters.windowBits(of: role)
        self.noContextTakeover = parameters.hasNoContextTakeover(role)
        self.configuration = configuration
        self.contexts = contexts
    }

    /// Whether compressed messages depend on those before them, so that none of them may be left out.
    public var keepsContext: Bool { !self.noContextTakeover }

    /// Whether a message of this length is worth compressing.
    public func isWorthwhile(length: Int) -> Bool { length >= self.configuration.threshold }

    /// Compresses a whole message.
    ///
    /// - Returns: `false` when the message does not become shorter; it is then to be sent uncompressed.
    public mutating func compress(_ payload: UnsafeRawBufferPointer, into output: inout ByteBuffer) -> Bool {
        let start = output.writerIndex
        self.compressPart(payload, isLast: true, into: &output)
        // If the context is kept, the peer must receive everything that went into it.
        guard self.noContextTakeover, output.writerIndex - start >= payload.count else { return true }
        output.moveWriterIndex(to: start)
        return false
    }

    /// Compresses the next part of a message; `output` may receive nothing until the last part.
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

    /// Appends a server's frame of a message that is compressed on its own, valid for every connection with this
    /// window.
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

    /// Returns the frames of a message that is compressed once for many connections; `nil` if it is to be sent
    /// uncompressed.
    public func compressed(_ message: PreparedMessage) -> ByteBuffer? {
        message.compressedFrames(
            windowBits: self.windowBits, configuration: self.configuration, contexts: self.contexts)
    }

    /// Makes the next messages refer to nothing before them; called when a message compressed elsewhere is sent.
    public func forgetPast() { self.deflater?.reset() }

    /// Gives back what was borrowed; called when the connection has ended.
    public mutating func end() {
        if let deflater = self.deflater { self.contexts.giveBack(deflater) }
        self.deflater = nil
    }
}
