import MartletPush
import Testing

@testable import MartletServer

@Suite("Figures over time")
struct FigureSeriesTests {
    /// Figures of a moment with some pushes since the start, all delivered in the first class of times.
    private static func totals(pushes: Int = 0, users: Int = 0, slow: Int = 0) -> FigureTotals {
        var times = [Int](repeating: 0, count: DeliveryTimes.bounds.count + 1)
        times[0] = pushes
        times[40] = slow
        var totals = FigureTotals(deliveryTimes: times)
        totals[.pushes] = Double(pushes)
        totals[.users] = Double(users)
        return totals
    }

    /// A series that was told the pushes since the start at some times, in seconds.
    private static func series(_ looks: [(time: Double, pushes: Int)]) -> FigureSeries {
        var series = FigureSeries()
        for look in looks { series.record(Self.totals(pushes: look.pushes), at: .seconds(look.time)) }
        return series
    }

    private static func pushes(_ series: FigureSeries, _ numbers: ClosedRange<Int>) -> [Float?] {
        numbers.map { series.value(of: .pushes, at: $0, in: .tenMinutes) }
    }

    @Test("it takes less than a megabyte, however long it runs")
    func size() {
        var series = FigureSeries()
        let size = series.size
        #expect(size <= 1 << 20)
        for second in 0..<4000 { series.record(Self.totals(pushes: second), at: .seconds(second)) }
        #expect(series.size == size)
    }

    @Test("a sample has what was counted in its second, and the value of its end")
    func samples() {
        var series = FigureSeries()
        series.record(Self.totals(pushes: 100, users: 7), at: .zero)
        series.record(Self.totals(pushes: 110, users: 8), at: .seconds(1))
        series.record(Self.totals(pushes: 110, users: 6), at: .seconds(2))
        #expect(Self.pushes(series, 0...3) == [nil, 10, 0, nil])
        #expect(series.value(of: .users, at: 1, in: .tenMinutes) == 8)
        #expect(series.value(of: .users, at: 2, in: .tenMinutes) == 6)
    }

    @Test("seconds in which nobody looked are missing, and what was counted meanwhile is spread over them")
    func missing() {
        let series = Self.series([(0, 0), (1, 5), (5, 45), (6, 46)])
        #expect(Self.pushes(series, 1...6) == [5, nil, nil, nil, 10, 1])
    }

    @Test("a clock that jumps over everything leaves nothing behind")
    func jump() {
        let series = Self.series([(0, 0), (1, 5), (100_000, 5), (100_001, 6)])
        let numbers = series.numbers(of: .tenMinutes)
        #expect(numbers == 99_402..<100_002)
        let present = numbers.filter { series.value(of: .pushes, at: $0, in: .tenMinutes) != nil }
        #expect(present == [100_000, 100_001])
    }

    @Test("a look that comes late or twice in a second loses nothing")
    func lateLooks() {
        let series = Self.series([(0, 0), (1.2, 12), (1.9, 19), (2.2, 22), (2.2, 22)])
        #expect(Self.pushes(series, 1...2) == [10, 10])
    }

    @Test("a service that was counted anew has no negative figures")
    func restart() {
        #expect(Self.pushes(Self.series([(0, 50), (1, 3)]), 1...1) == [0])
    }

    @Test("a minute has the mean of its seconds, of those that are there")
    func minutes() {
        var series = FigureSeries()
        series.record(Self.totals(), at: .zero)
        for second in 1..<60 { series.record(Self.totals(pushes: second * 2, users: 4), at: .seconds(second)) }
        for second in [60, 61, 90] { series.record(Self.totals(pushes: 118, users: second), at: .seconds(second)) }
        #expect(series.value(of: .pushes, at: 0, in: .day) == 2)
        #expect(series.value(of: .users, at: 0, in: .day) == 4)
        let mean = series.value(of: .users, at: 1, in: .hour) ?? 0
        #expect(abs(mean - 211.0 / 3) < 0.01)
        #expect(series.numbers(of: .hour) == 0..<2)
    }

    @Test("ten minutes, an hour and a day are kept")
    func spans() {
        var series = FigureSeries()
        for second in 0...700 { series.record(Self.totals(pushes: second), at: .seconds(second)) }
        #expect(series.numbers(of: .tenMinutes) == 101..<701)
        #expect(series.value(of: .pushes, at: 100, in: .tenMinutes) == nil)
        #expect(series.value(of: .pushes, at: 101, in: .tenMinutes) == 1)
        series.record(Self.totals(pushes: 700), at: .seconds(60 * 2000))
        #expect(series.numbers(of: .day) == 561..<2001)
        #expect(series.numbers(of: .hour) == 1941..<2001)
    }

    @Test("a page asks for what is behind its last sample, and gets all when that has not come yet")
    func after() {
        let series = Self.series([(0, 0), (1, 1), (2, 2), (3, 3)])
        #expect(series.numbers(of: .tenMinutes, after: 2) == 3..<4)
        #expect(series.numbers(of: .tenMinutes, after: 3).isEmpty)
        #expect(series.numbers(of: .tenMinutes, after: 900) == 0..<4)
    }

    @Test("percentiles are those of the publications of each sample, and of the whole span")
    func percentiles() {
        var series = FigureSeries()
        series.record(Self.totals(), at: .zero)
        series.record(Self.totals(pushes: 100), at: .seconds(1))
        series.record(Self.totals(pushes: 100, slow: 25), at: .seconds(2))
        series.record(Self.totals(pushes: 100, slow: 25), at: .seconds(3))
        let samples = FigureSamples(series, .tenMinutes, after: 0, age: .seconds(3.5), now: 1000)
        let (fast, slow) = (DeliveryTimes.bounds[0], DeliveryTimes.bounds[40])
        #expect(samples.deliveryTimes["p50"] == [fast, slow, nil])
        #expect(samples.overall == DeliveryPercentiles([100, 25], bounds: [fast, slow]))
        #expect(samples.overall.p50 == fast && samples.overall.p99 == slow)
        #expect(samples.first == 1 && samples.start == 997.5 && samples.step == 1)
        #expect(samples.figures["pushes"] == [100, 0, 0])
    }

    @Test("the times of samples follow the clock on the wall when it is set")
    func wallClock() {
        let series = Self.series([(0, 0), (1, 1), (2, 2)])
        let before = FigureSamples(series, .tenMinutes, after: 1, age: .seconds(2), now: 5000)
        let after = FigureSamples(series, .tenMinutes, after: 1, age: .seconds(2), now: 1000)
        #expect(before.start == 5000 && after.start == 1000)
    }
}
