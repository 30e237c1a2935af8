import MartletProtocol
import NIOCore

/// Compression: what a compressor makes is inflated to what it was; other input is refused within the limit.
///
/// First byte: the window, the level, and how the bytes are cut.
enum DeflateTarget {
    private static let limit = 1 << 20

    static func run(_ input: inout FuzzInput) {
        let flags = input.byte()
        let bytes = input.rest()
        let windowBits = 8 + Int(flags & 7)
        let deflater = Deflater(windowBits: windowBits, level: 1 + Int(flags >> 3 & 7))
        let inflater = Inflater(windowBits: windowBits)
        var compressed = ByteBuffer()
        let pieces = FuzzInput.pieces(of: bytes, seed: flags)
        for (index, piece) in pieces.enumerated() {
            piece.withUnsafeBytes { deflater.compress($0, isLast: index == pieces.count - 1, into: &compressed) }
        }
        if pieces.isEmpty {
            deflater.compress(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true, into: &compressed)
        }
        compressed.writeBytes([0, 0, 0xFF, 0xFF])
        let inflated = Self.inflate(Array(compressed.readableBytesView), inflater, limit: max(bytes.count, 1))
        FuzzTarget.check(inflated.bytes == bytes, "a message came back changed")
        FuzzTarget.check(!inflated.isCorrupt, "a message of our own is corrupt")
        _ = Self.inflate(bytes, Inflater(windowBits: windowBits), limit: Self.limit)
    }

    private static func inflate(
        _ bytes: [UInt8], _ inflater: Inflater, limit: Int
    ) -> (bytes: [UInt8], isCorrupt: Bool) {
        var output = ByteBuffer()
        let (taken, status) = bytes.withUnsafeBytes { inflater.inflate($0, into: &output, maximumOutput: limit) }
        FuzzTarget.check(output.readableBytes <= limit, "more was inflated than was asked for")
        FuzzTarget.check(taken <= bytes.count, "more was taken than there was")
        return (Array(output.readableBytesView), status == .corrupt)
    }
}
