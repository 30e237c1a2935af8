/// The bytes of one run, which a target takes apart.
struct FuzzInput {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    /// The next byte; 0 behind the last.
    mutating func byte() -> UInt8 { self.bytes.popFirst() ?? 0 }

    /// All that is left.
    mutating func rest() -> [UInt8] {
        defer { self.bytes = [] }
        return Array(self.bytes)
    }

    /// All that is left, as text: what is not UTF-8 is replaced.
    mutating func text() -> String { String(decoding: self.rest(), as: UTF8.self) }

    /// Cuts bytes into pieces of lengths that follow from a seed; 0 leaves them whole.
    static func pieces(of bytes: [UInt8], seed: UInt8) -> [ArraySlice<UInt8>] {
        guard seed > 0 else { return [bytes[...]] }
        var pieces: [ArraySlice<UInt8>] = []
        var state = UInt32(seed) &* 2_654_435_769
        var start = 0
        while start < bytes.count {
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            // Mostly a few bytes, and now and then very many.
            let end = min(start + Int(state % 16 == 0 ? (state >> 8) % 4096 : (state >> 8) % 12) + 1, bytes.count)
            pieces.append(bytes[start..<end])
            start = end
        }
        return pieces
    }
}
