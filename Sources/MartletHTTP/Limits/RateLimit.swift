/// How often something may happen: so many times a second on average, and so many at once.
public struct RateLimit: Sendable, Hashable {
    /// On average.
    public var perSecond: Double
    /// At once, after a time without any.
    public var burst: Double

    /// - Parameters:
    ///   - perSecond: above 0.
    ///   - burst: default: what a second brings, but no less than one.
    public init(perSecond: Double, burst: Double? = nil) {
        self.perSecond = perSecond
        self.burst = max(burst ?? perSecond, 1)
    }
}
