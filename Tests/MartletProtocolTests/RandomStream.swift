@testable import MartletProtocol

/// A repeatable generator (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Streams of mostly valid frames.
enum RandomStream {
    static func make(role: Role, using random: inout SeededGenerator) -> [UInt8] {
        var stream: [UInt8] = []
        var isOpen = false
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let key = role == .server ? (0..<4).map { _ in UInt8.random(in: .min ... .max, using: &random) } : nil
            if Int.random(in: 0..<5, using: &random) == 0 {
                let payload = (0..<Int.random(in: 0...125, using: &random)).map { _ in
                    UInt8.random(in: .min ... .max, using: &random)
                }
                let code = [9, 10, 8].randomElement(using: &random)! as UInt8
                stream += StreamBuilder.frame(code, code == 8 ? [0x03, 0xE8] : payload, key: key)
                continue
            }
            let isFinal = Bool.random(using: &random)
            let code: UInt8 = isOpen ? 0 : Bool.random(using: &random) ? 1 : 2
            let length = [0, 1, 7, 30, 125, 126, 200].randomElement(using: &random)!
            let characters = ["a", "é", "€", "😀", "\u{7FF}", "\u{FFFD}"]
            var text: [UInt8] = []
            while text.count < length { text += Array(characters.randomElement(using: &random)!.utf8) }
            stream += StreamBuilder.frame(code, text, isFinal: isFinal, key: key)
            isOpen = !isFinal
        }
        return stream
    }
}
