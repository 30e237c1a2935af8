#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Highest random weight: each candidate draws a number from its name and the key, and the highest wins. When one goes,
/// only the keys that it had move; the same on every machine.
enum RendezvousHash {
    static func choose<Candidate>(
        _ candidates: [Candidate], key: String, seed: (Candidate) -> String, weight: (Candidate) -> Int
    ) -> Candidate? {
        var best: (candidate: Candidate, score: Double)?
        for candidate in candidates {
            let hash = Self.mix(Self.fnv1a(key.utf8, Self.fnv1a(seed(candidate).utf8)))
            // Uniform in (0, 1), made into a score whose winner is in proportion to the weights.
            let uniform = (Double(hash >> 11) + 0.5) / Double(1 << 53)
            let score = -Double(weight(candidate)) / log(uniform)
            if best.map({ score > $0.score }) ?? true { best = (candidate, score) }
        }
        return best?.candidate
    }

    private static func fnv1a(_ bytes: String.UTF8View, _ start: UInt64 = 0xCBF2_9CE4_8422_2325) -> UInt64 {
        var hash = start
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }

    /// SplitMix64's finalizer: FNV alone leaves the upper bits of similar keys alike.
    private static func mix(_ value: UInt64) -> UInt64 {
        var value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
