import FoundationEssentials
import Synchronization

/// Looks at the figures once a second, and keeps them. Safe to use from any thread.
final class FigureSampler: Sendable {
    private let series = Mutex(FigureSeries())
    private let elapsed: @Sendable () -> Duration
    private let read: @Sendable () -> FigureTotals

    /// - Parameters:
    ///   - elapsed: the time since the start, of a clock that never goes back.
    ///   - read: gives the figures of now.
    init(elapsed: @escaping @Sendable () -> Duration, read: @escaping @Sendable () -> FigureTotals) {
        self.elapsed = elapsed
        self.read = read
    }

    /// Makes a sampler that starts now. Its clock goes on while the machine sleeps.
    convenience init(read: @escaping @Sendable () -> FigureTotals) {
        let start = ContinuousClock.now
        self.init(elapsed: { start.duration(to: .now) }, read: read)
    }

    /// Looks once.
    func sample() {
        let totals = self.read()
        let time = self.elapsed()
        self.series.withLock { $0.record(totals, at: time) }
    }

    /// Looks once a second until cancelled.
    func run() async throws {
        while true {
            self.sample()
            let elapsed = self.elapsed()
            // On the second, so that late wake-ups do not add up.
            try await Task.sleep(for: .seconds(elapsed.components.seconds + 1) - elapsed)
        }
    }

    /// The samples of a span.
    ///
    /// - Parameter after: the number behind which samples are wanted; -1 for all.
    func samples(of span: FigureSpan, after: Int) -> FigureSamples {
        let (age, now) = (self.elapsed(), Date().timeIntervalSince1970)
        // Under the lock, since a copy that outlives it would be copied in full by the next look.
        return self.series.withLock { FigureSamples($0, span, after: after, age: age, now: now) }
    }

    /// The number of the samples of a span.
    ///
    /// - Parameter after: the number behind which they are counted.
    func count(of span: FigureSpan, after: Int) -> Int {
        self.series.withLock { $0.numbers(of: span, after: after).count }
    }

    /// The percentiles of the last minute's delivery times.
    var lastMinute: DeliveryPercentiles {
        self.series.withLock { series in
            let numbers = series.numbers(of: .tenMinutes)
            return DeliveryPercentiles(series.deliveryTimes(of: numbers.suffix(60), in: .tenMinutes))
        }
    }

    /// The value of a figure in the last second; `nil` before the first.
    func latest(_ figure: Figure) -> Double? {
        self.series.withLock { series in
            series.value(of: figure, at: series.newest(in: .tenMinutes), in: .tenMinutes).map(Double.init)
        }
    }
}
