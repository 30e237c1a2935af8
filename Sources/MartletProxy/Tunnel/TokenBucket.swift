/// Lets a rate through on average and a burst at once.
struct TokenBucket: Sendable {
    /// Tokens a second.
    private let rate: Double
    private let burst: Double
    private var tokens: Double
    private var filledAt: Int64

    /// - Parameters:
    ///   - rate: tokens a second.
    ///   - burst: tokens that may be taken at once.
    ///   - now: nanoseconds of any clock that only goes forward.
    init(rate: Double, burst: Double, now: Int64) {
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.filledAt = now
    }

    /// Takes one token, if there is one.
    mutating func take(now: Int64) -> Bool {
        self.tokens = min(self.burst, self.tokens + Double(now - self.filledAt) / 1e9 * self.rate)
        self.filledAt = now
        guard self.tokens >= 1 else { return false }
        self.tokens -= 1
        return true
    }
}
