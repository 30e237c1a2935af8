/// A limit on how often something may happen: an average rate, and a burst.
public struct RateLimit: Sendable, Hashable {
    /// The number of times a second, on average.
    public var perSecond: Double
    /// The number of times at once, after a time without any.
    public var burst: Double

    /// - Parameters:
    ///   - perSecond: the average rate, above 0.
    ///   - burst: the most at once, at least 1. Default: `perSecond`.
    public init(perSecond: Double, burst: Double? = nil) {
        self.perSecond = perSecond
        self.burst = max(burst ?? perSecond, 1)
    }
}
