/// Masking keys from the system's cryptographically secure generator, drawn in blocks.
///
/// RFC 6455, section 5.3, wants keys that the application cannot predict, so that a page cannot choose the bytes
/// on the wire. One system call a key would cost more than the message, hence the pool.
public struct MaskingKeyPool: Sendable {
    private static let blockSize = 256

    private var keys: [UInt32] = []

    public init() {}

    /// The next key. Each is used once.
    public mutating func next() -> UInt32 {
        var generator = SystemRandomNumberGenerator()
        return self.next(using: &generator)
    }

    /// For tests: the pool is refilled from `generator`.
    mutating func next(using generator: inout some RandomNumberGenerator) -> UInt32 {
        if self.keys.isEmpty {
            self.keys.reserveCapacity(Self.blockSize)
            for _ in 0..<Self.blockSize / 2 {
                let random = generator.next()
                self.keys.append(UInt32(truncatingIfNeeded: random))
                self.keys.append(UInt32(truncatingIfNeeded: random >> 32))
            }
        }
        return self.keys.removeLast()
    }
}
