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
}
