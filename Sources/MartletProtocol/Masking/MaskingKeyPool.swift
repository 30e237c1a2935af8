/// Masking keys from the system's cryptographically secure generator, drawn in blocks.
///
/// RFC 6455, section 5.3, wants keys that the application cannot predict, so that a page cannot choose the bytes on the
/// wire. One system call for each key would cost more than the message does, hence the pool.
public struct MaskingKeyPool: Sendable {
    private static let blockSize = 256

    private var keys: [UInt32] = []

    public init() {}

    /// Returns the next key. Each is used once.
    public mutating func next() -> UInt32 {
        var generator = SystemRandomNumberGenerator()
        return self.next(using: &generator)
    }

    /// Returns the next key and refills the pool from `generator`; tests call it with a generator of their own.
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
