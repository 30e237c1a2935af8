import NIOCore
import Testing

@testable import MartletProtocol

@Suite("gzip")
struct GzipTests {
    @Test("the bytes have gzip's header and length, and are the same each time", arguments: [0, 1, 100_000])
    func format(count: Int) {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: count)
        let compressed = Gzip.compress(bytes)
        #expect(compressed.starts(with: [0x1F, 0x8B, 8]))
        #expect(compressed.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) } == count)
        #expect(compressed.count < 200)
        #expect(compressed == Gzip.compress(bytes))
    }

    @Test("what was compressed is inflated, within a limit", arguments: [0, 1, 65_535, 65_536, 65_537, 1_000_000])
    func inflate(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        let compressed = ByteBuffer(bytes: Gzip.compress(bytes))
        #expect(Gzip.inflate(compressed, limit: count) == .success(ByteBuffer(bytes: bytes)))
        #expect(Gzip.inflate(compressed, limit: 2_000_000) == .success(ByteBuffer(bytes: bytes)))
        if count > 0 { #expect(Gzip.inflate(compressed, limit: count - 1) == .failure(.tooLong)) }
    }

    @Test("what is no gzip, is cut off, or has something behind it is none")
    func corrupt() {
        let compressed = Gzip.compress(Array("hello".utf8))
        var wrong = [[], [0x1F], Array("hello".utf8), compressed + [0], compressed + compressed]
        for length in 0..<compressed.count { wrong.append(Array(compressed.prefix(length))) }
        var changed = compressed
        changed[changed.count - 6] ^= 1  // of the checksum
        wrong.append(changed)
        for bytes in wrong { #expect(Gzip.inflate(ByteBuffer(bytes: bytes), limit: 100) == .failure(.corrupt)) }
    }
}
