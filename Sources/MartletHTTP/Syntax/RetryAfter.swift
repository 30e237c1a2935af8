/// The header `Retry-After` (RFC 9110, section 10.2.3).
package enum RetryAfter {
    /// The longest wait in seconds; longer ones are cut to it.
    private static let longest = 86_400

    /// - Parameter now: nanoseconds since 1970.
    /// - Returns: seconds; `nil` for anything but digits or a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static func seconds(_ value: String, now: Int64 = UTCTime.now()) -> Int? {
        let text = HeaderList.trimmed(value[...])
        guard !text.isEmpty else { return nil }
        if text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) { return min(Int(text) ?? Self.longest, Self.longest) }
        return UTCTime.seconds(http: text).map { min(max($0 - Int(now / 1_000_000_000), 0), Self.longest) }
    }
}
