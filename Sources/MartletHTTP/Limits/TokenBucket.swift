package import NIOCore

/// Allows a rate on average and a burst at once.
package struct TokenBucket: Sendable {
    /// The rate in tokens a second.
    private let rate: Double
    private let burst: Double
    private var tokens: Double
    private var filledAt: Int64

    /// - Parameters:
    ///   - rate: tokens a second.
    ///   - burst: tokens that may be taken at once.
    ///   - now: nanoseconds of any clock that only goes forward.
    package init(rate: Double, burst: Double, now: Int64) {
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.filledAt = now
    }

    package init(_ limit: RateLimit, now: NIODeadline) {
        self.init(rate: limit.perSecond, burst: limit.burst, now: Int64(now.uptimeNanoseconds))
    }

    package func isOf(_ limit: RateLimit) -> Bool { self.rate == limit.perSecond && self.burst == limit.burst }

    private mutating func fill(now: Int64) {
        self.tokens = min(self.burst, self.tokens + Double(max(now - self.filledAt, 0)) / 1e9 * self.rate)
        self.filledAt = now
    }

    /// Takes tokens if there is at least one. Missing tokens are owed: later takers wait for them.
    package mutating func take(_ count: Int = 1, now: Int64) -> Bool {
        self.fill(now: now)
        guard self.tokens >= 1 else { return false }
        self.tokens -= Double(count)
        return true
    }

    package mutating func take(_ count: Int = 1, now: NIODeadline) -> Bool {
        self.take(count, now: Int64(now.uptimeNanoseconds))
    }

    /// Takes tokens whether they are there or not: what they stand for has already happened.
    package mutating func charge(_ count: Int) { self.tokens -= Double(count) }

    /// The whole seconds until there is a token again, at least one: for `Retry-After`.
    package var secondsUntilNext: Int { max(Int(min(((1 - self.tokens) / self.rate).rounded(.up), 86_400)), 1) }

    /// Whether it has been unused for so long that it is full again.
    package func isFull(now: NIODeadline) -> Bool {
        let elapsed = Double(Int64(now.uptimeNanoseconds) - self.filledAt) / 1e9
        return self.tokens + elapsed * self.rate >= self.burst
    }
}
