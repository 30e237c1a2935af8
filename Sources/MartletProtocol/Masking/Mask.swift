/// XOR with a masking key (RFC 6455, section 5.3). Masking and unmasking are the same operation.
public enum Mask {
    /// Writes `source` XOR `key` to `destination`, which may be the same memory.
    ///
    /// It takes 32 bytes at a time, then 8, then one by one: apart from system calls, masking is most of the work of a
    /// WebSocket server, and byte by byte it would be forty times as slow.
    ///
    /// - Parameters:
    ///   - key: the four key bytes as they lie in memory.
    ///   - offset: how many bytes of the payload came before, so that a payload can be unmasked in pieces.
    @inlinable
    public static func apply(
        _ key: UInt32,
        offset: Int = 0,
        from source: UnsafeRawBufferPointer,
        to destination: UnsafeMutableRawBufferPointer
    ) {
        precondition(destination.count >= source.count)
        guard let input = source.baseAddress, let output = destination.baseAddress else { return }
        let count = source.count
        let rotated = Self.rotate(key, by: offset)
        let wide = UInt64(rotated) | UInt64(rotated) << 32
        var index = 0
        let vector = SIMD4<UInt64>(repeating: wide)
        while index &+ 32 <= count {
            let block = input.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self) ^ vector
            output.storeBytes(of: block, toByteOffset: index, as: SIMD4<UInt64>.self)
            index &+= 32
        }
        while index &+ 8 <= count {
            let word = input.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
            output.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < count {
            let keyByte = UInt8(truncatingIfNeeded: rotated &>> UInt32((index & 3) &* 8))
            output.storeBytes(
                of: input.load(fromByteOffset: index, as: UInt8.self) ^ keyByte, toByteOffset: index, as: UInt8.self)
            index &+= 1
        }
    }

    /// Masks or unmasks in place.
    @inlinable
    public static func apply(_ key: UInt32, offset: Int = 0, inPlace bytes: UnsafeMutableRawBufferPointer) {
        Self.apply(key, offset: offset, from: UnsafeRawBufferPointer(bytes), to: bytes)
    }

    /// Returns the key rotated for a position `offset` bytes into the payload. Keys are little endian, as in memory.
    @inlinable
    static func rotate(_ key: UInt32, by offset: Int) -> UInt32 {
        let shift = UInt32(truncatingIfNeeded: (offset & 3) &* 8)
        let value = UInt32(littleEndian: key)
        return shift == 0 ? value : value &>> shift | value &<< (32 &- shift)
    }
}
