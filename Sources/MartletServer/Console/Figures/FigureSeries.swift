import MartletPush

/// The figures over time: ten minutes by the second and 24 hours by the minute, in memory that is taken once. Pure: its time
/// is what it is told.
///
/// A sample of a second has the values of its end, and what was counted since the sample before, for each second. A second in
/// which nobody looked, because the process stood still or the clock jumped, is missing and not zero. A sample of a minute
/// has the mean of its seconds.
struct FigureSeries: Sendable {
    private var seconds: SampleRing
    private var minutes: SampleRing
    /// The number of seconds of the newest minute that are not missing.
    private var secondsOfMinute: Float = 0
    private var last: (time: Duration, totals: FigureTotals)?

    /// - Parameter classCount: classes of delivery times.
    init(classCount: Int = DeliveryTimes.bounds.count + 1) {
        self.seconds = SampleRing(capacity: FigureSpan.tenMinutes.count, classCount: classCount)
        self.minutes = SampleRing(capacity: FigureSpan.day.count, classCount: classCount)
    }

    /// The memory that it takes, in bytes; it never takes more.
    var size: Int { self.seconds.size + self.minutes.size }

    /// Takes the figures of a moment; to be called once a second. The first call is where counting begins.
    ///
    /// - Parameter time: since the start, of a clock that never goes back.
    mutating func record(_ totals: FigureTotals, at time: Duration) {
        guard let last = self.last else {
            self.last = (time, totals)
            return
        }
        let number = Int(time.components.seconds)
        // Twice in a second: what was counted stays for the next one.
        guard number > self.seconds.newest, time > last.time else { return }
        self.last = (time, totals)
        let elapsed = (time - last.time) / .seconds(1)
        self.seconds.advance(to: number)
        if number / FigureSpan.day.step > self.minutes.newest {
            self.minutes.advance(to: number / FigureSpan.day.step)
            self.secondsOfMinute = 0
        }
        self.secondsOfMinute += 1
        for figure in Figure.allCases {
            let value =
                figure.isCount ? max(totals[figure] - last.totals[figure], 0) / elapsed : totals[figure]
            self.seconds.set(figure, Float(value))
            let mean = self.minutes[figure, at: self.minutes.newest] ?? 0
            self.minutes.set(figure, mean + (Float(value) - mean) / self.secondsOfMinute)
        }
        let times = zip(totals.deliveryTimes, last.totals.deliveryTimes).map { UInt32(clamping: $0 - $1) }
        self.seconds.add(deliveryTimes: times)
        self.minutes.add(deliveryTimes: times)
    }

    /// The number of the newest sample of a span; -1 before the first.
    func newest(in span: FigureSpan) -> Int { self.ring(of: span).newest }

    /// The value of a figure in a sample; `nil` when it is missing.
    func value(of figure: Figure, at number: Int, in span: FigureSpan) -> Float? {
        self.ring(of: span)[figure, at: number]
    }

    /// The publications of samples by the class of their delivery time.
    func deliveryTimes(of numbers: Range<Int>, in span: FigureSpan) -> [Int] {
        var sum: [Int] = []
        for number in numbers {
            let times = self.ring(of: span).deliveryTimes(at: number)
            if sum.isEmpty { sum = [Int](repeating: 0, count: times.count) }
            for (index, count) in zip(sum.indices, times) { sum[index] += Int(count) }
        }
        return sum
    }

    /// The numbers of the samples of a span.
    ///
    /// - Parameter after: only those behind this number; all of them when it has not come yet.
    func numbers(of span: FigureSpan, after: Int = -1) -> Range<Int> {
        let newest = self.newest(in: span)
        let first = max(newest - span.count + 1, 0)
        return after > newest ? first..<newest + 1 : max(first, after + 1)..<newest + 1
    }

    private func ring(of span: FigureSpan) -> SampleRing { span == .tenMinutes ? self.seconds : self.minutes }
}
