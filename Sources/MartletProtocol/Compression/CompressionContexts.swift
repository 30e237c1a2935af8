public import NIOCore

/// Compressors and decompressors that the connections of one event loop share. A connection borrows one for a message,
/// or for its lifetime when it keeps its context.
public final class CompressionContexts {
    private struct DeflaterKind: Hashable {
        let windowBits: Int
        let level: Int
        let memoryLevel: Int
    }

    /// The number of idle contexts of one kind that are kept; any more are freed.
    private static let keptContexts = 8
    /// The largest capacity in bytes of a buffer that is kept; larger ones are freed.
    private static let keptBufferCapacity = 256 * 1024

    private var deflaters: [DeflaterKind: [Deflater]] = [:]
    private var inflaters: [Int: [Inflater]] = [:]
    private var buffers: [ByteBuffer] = []

    public init() {}

    /// Returns a compressor that has seen no messages.
    public func borrowDeflater(windowBits: Int, configuration: CompressionConfiguration) -> Deflater {
        let kind = DeflaterKind(
            windowBits: windowBits, level: configuration.level, memoryLevel: configuration.memoryLevel)
        return self.deflaters[kind]?.popLast()
            ?? Deflater(windowBits: windowBits, level: kind.level, memoryLevel: kind.memoryLevel)
    }

    public func giveBack(_ deflater: Deflater) {
        let kind = DeflaterKind(
            windowBits: deflater.windowBits, level: deflater.level, memoryLevel: deflater.memoryLevel)
        guard self.deflaters[kind, default: []].count < Self.keptContexts else { return }
        deflater.reset()
        self.deflaters[kind, default: []].append(deflater)
    }

    /// Returns a decompressor that has seen no messages.
    public func borrowInflater(windowBits: Int) -> Inflater {
        self.inflaters[windowBits]?.popLast() ?? Inflater(windowBits: windowBits)
    }

    public func giveBack(_ inflater: Inflater) {
        guard self.inflaters[inflater.windowBits, default: []].count < Self.keptContexts else { return }
        inflater.reset()
        self.inflaters[inflater.windowBits, default: []].append(inflater)
    }

    /// Returns an empty buffer.
    public func borrowBuffer() -> ByteBuffer {
        guard var buffer = self.buffers.popLast() else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }

    public func giveBack(_ buffer: ByteBuffer) {
        guard buffer.capacity > 0, buffer.capacity <= Self.keptBufferCapacity, self.buffers.count < Self.keptContexts
        else { return }
        self.buffers.append(buffer)
    }
}

@available(*, unavailable)
extension CompressionContexts: Sendable {}
