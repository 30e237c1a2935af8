import Synchronization

/// Ids of requests: 16 hexadecimal digits, unique within a process and unlikely to be used by another. They serve to
/// find a request in logs, and are not secret.
package enum RequestID {
    private static let first = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)
    private static let digits: StaticString = "0123456789abcdef"

    /// Returns the id that a proxy or the client gave the request, if it is fit for a log; otherwise a new one.
    ///
    /// - Parameter values: the values of `X-Request-Id`; ignored unless there is exactly one.
    package static func given(_ values: [String]) -> String { Self.given(values.count == 1 ? values[0] : nil) }

    /// Returns the id that a proxy or the client gave the request, if it is fit for a log; otherwise a new one.
    package static func given(_ id: String?) -> String {
        guard let id, (1...64).contains(id.utf8.count),
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") })
        else { return Self.next() }
        return id
    }

    package static func next() -> String {
        // SplitMix64's steps and mixing, which give a different result for each number.
        let step = self.count.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        var value = Self.first &+ step
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return String(unsafeUninitializedCapacity: 16) { bytes in
            for index in 0..<16 {
                bytes[index] = self.digits.utf8Start[Int(value >> (60 - 4 * UInt64(index)) & 15)]
            }
            return 16
        }
    }
}
