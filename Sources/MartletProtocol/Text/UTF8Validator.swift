/// Checks UTF-8 piece by piece, so that a bad byte is found when it arrives and not at the end of the message
/// (RFC 6455, section 8.1; well-formed sequences: Unicode 15, table 3-7).
public struct UTF8Validator: Sendable, Hashable {
    /// The number of continuation bytes still missing from the sequence at the end of what was read.
    @usableFromInline var missing: UInt8 = 0
    /// The range of the next byte: narrower than 80…BF after E0, ED, F0 and F4.
    @usableFromInline var lower: UInt8 = 0x80
    @usableFromInline var upper: UInt8 = 0xBF

    @inlinable
    public init() {}

    /// Whether the text may end here, at the end of a character.
    @inlinable
    public var isAtCharacterBoundary: Bool { self.missing == 0 }

    /// Checks the next bytes.
    ///
    /// - Returns: `false` when a byte cannot be part of well-formed UTF-8; the validator is of no use after that.
    @inlinable
    public mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if self.missing == 0 {
                index = Self.skipASCII(base, from: index, count: count)
                guard index < count else { return true }
            }
            guard self.step(base.load(fromByteOffset: index, as: UInt8.self)) else { return false }
            index &+= 1
        }
        return true
    }

    /// Returns the index of the first byte above 7F, looking at 32 or eight bytes at a time.
    @inlinable
    static func skipASCII(_ base: UnsafeRawPointer, from start: Int, count: Int) -> Int {
        let high: UInt64 = 0x8080_8080_8080_8080
        var index = start
        while index &+ 32 <= count {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            guard (block[0] | block[1] | block[2] | block[3]) & high == 0 else { break }
            index &+= 32
        }
        while index &+ 8 <= count {
            guard base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & high == 0 else { break }
            index &+= 8
        }
        while index < count, base.load(fromByteOffset: index, as: UInt8.self) < 0x80 { index &+= 1 }
        return index
    }

    @inlinable
    mutating func step(_ byte: UInt8) -> Bool {
        if self.missing > 0 {
            guard byte >= self.lower, byte <= self.upper else { return false }
            self.missing &-= 1
            self.lower = 0x80
            self.upper = 0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: self.missing = 1
        case 0xE0: (self.missing, self.lower) = (2, 0xA0)
        case 0xE1...0xEC, 0xEE, 0xEF: self.missing = 2
        case 0xED: (self.missing, self.upper) = (2, 0x9F)
        case 0xF0: (self.missing, self.lower) = (3, 0x90)
        case 0xF1...0xF3: self.missing = 3
        case 0xF4: (self.missing, self.upper) = (3, 0x8F)
        default: return false
        }
        return true
    }
}
