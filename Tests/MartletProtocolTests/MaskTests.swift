import Testing

@testable import MartletProtocol

@Suite("Masking")
struct MaskTests {
    @Test("it is the XOR of RFC 6455 for every length and offset, in place and not")
    func matchesDefinition() {
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        let word = key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
        for length in 0...140 {
            for offset in 0..<8 {
                let source = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
                let expected = source.enumerated().map { $1 ^ key[($0 + offset) % 4] }
                var copied = [UInt8](repeating: 0, count: length)
                copied.withUnsafeMutableBytes { target in
                    source.withUnsafeBytes { Mask.apply(word, offset: offset, from: $0, to: target) }
                }
                #expect(copied == expected)
                var inPlace = source
                inPlace.withUnsafeMutableBytes { Mask.apply(word, offset: offset, inPlace: $0) }
                #expect(inPlace == expected)
            }
        }
    }

    @Test("keys of the pool come from its generator, each once")
    func poolUsesEachKeyOnce() {
        var pool = MaskingKeyPool()
        var random = SeededGenerator(seed: 1)
        var reference = SeededGenerator(seed: 1)
        var expected: Set<UInt32> = []
        for _ in 0..<128 {
            let value = reference.next()
            expected.formUnion([UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)])
        }
        let drawn = Set((0..<256).map { _ in pool.next(using: &random) })
        let another = pool.next(using: &random)
        #expect(drawn == expected)
        #expect(!expected.contains(another))
    }
}
