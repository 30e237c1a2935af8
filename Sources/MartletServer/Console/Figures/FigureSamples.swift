/// Samples of all figures, as the page is sent them.
struct FigureSamples: Encodable, Sendable {
    /// The time of the first sample, in seconds since 1970.
    let start: Double
    /// The time from one sample to the next, in seconds.
    let step: Int
    /// The number of the first sample, by which a page asks for what comes behind its last one.
    let first: Int
    /// The values of each figure, by its name; `null` where one is missing. What is counted is for each second.
    let figures: [String: [Double?]]
    /// The percentiles of the delivery times of each sample.
    let deliveryTimes: [String: [Double?]]
    /// The same of the whole span.
    let overall: DeliveryPercentiles

    /// - Parameters:
    ///   - after: the number behind which the page wants samples.
    ///   - age: the time since the start.
    ///   - now: seconds since 1970.
    init(_ series: FigureSeries, _ span: FigureSpan, after: Int, age: Duration, now: Double) {
        let numbers = series.numbers(of: span, after: after)
        self.step = span.step
        self.first = numbers.lowerBound
        // A clock that was set meanwhile moves all of them: what they are told by is the time since the start.
        self.start = ((now - age / .seconds(1) + Double(numbers.lowerBound * span.step)) * 1000).rounded() / 1000
        self.figures = Dictionary(
            uniqueKeysWithValues: Figure.allCases.map { figure in
                (figure.name, numbers.map { Self.short(series.value(of: figure, at: $0, in: span)) })
            })
        let percentiles = numbers.map { DeliveryPercentiles(series.deliveryTimes(of: $0..<$0 + 1, in: span)) }
        self.deliveryTimes = [
            "p50": percentiles.map(\.p50), "p90": percentiles.map(\.p90), "p99": percentiles.map(\.p99),
        ]
        self.overall = DeliveryPercentiles(series.deliveryTimes(of: series.numbers(of: span), in: span))
    }

    /// The value with four digits behind the point.
    private static func short(_ value: Float?) -> Double? {
        value.map { (Double($0) * 10_000).rounded() / 10_000 }
    }
}
