public import CoreMetrics
package import MartletWebSocket
import Synchronization

/// A backend for swift-metrics that writes Prometheus' text format (version 0.0.4).
///
/// Counters become counters named `…_total`, meters and plain recorders gauges, timers and recorders that aggregate
/// become histograms (timers in seconds). Dots and dashes in names become underscores.
public final class PrometheusMetrics: MetricsFactory {
    /// Everything that the process measures, once ``bootstrap()`` was called.
    public static let shared = PrometheusMetrics()

    private struct Family {
        var type: String
        var series: [PrometheusLabels: any PrometheusSeries] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        /// The help texts of metrics by name, also of those that have no series yet.
        var helps: [String: String] = [:]
    }

    private static let counterSuffix = "_total"
    private static let timerSuffix = "_seconds"

    private static let bootstrapped = Atomic(false)
    /// The bounds of timers. Seconds.
    private static let timeBuckets = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    private static let valueBuckets = (0...12).map { Double(1 << (2 * $0)) }

    private let state = Mutex(State())

    public init() {}

    /// Makes ``shared`` the backend of swift-metrics, the first time it is called.
    public static func bootstrap() {
        guard self.bootstrapped.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return
        }
        MetricsSystem.bootstrap(self.shared)
    }

    /// Takes the descriptions of metrics beforehand: their help texts, and the series that exist from the start.
    package func describe(_ descriptions: [MetricDescription]) {
        for description in descriptions {
            let label = description.label
            let name = Self.name(of: label, Self.suffix(of: description.kind))
            self.state.withLock { $0.helps[name] = description.help }
            for dimensions in description.series {
                switch description.kind {
                case .counter: _ = self.makeCounter(label: label, dimensions: dimensions)
                case .meter: _ = self.makeMeter(label: label, dimensions: dimensions)
                case .recorder: _ = self.makeRecorder(label: label, dimensions: dimensions, aggregate: true)
                case .timer: _ = self.makeTimer(label: label, dimensions: dimensions)
                }
            }
        }
    }

    /// Returns all metrics, as `/metrics` answers them.
    public func text() -> String {
        let state = self.state.withLock { $0 }
        var text = ""
        for (name, family) in state.families.sorted(by: { $0.key < $1.key }) {
            text += PrometheusText.heading(name, family.type, state.helps[name])
            for (labels, series) in family.series.sorted(by: { $0.key.text < $1.key.text }) {
                series.write(name, labels, to: &text)
            }
        }
        return text
    }

    private static func suffix(of kind: MetricDescription.Kind) -> String {
        switch kind {
        case .counter: self.counterSuffix
        case .timer: self.timerSuffix
        case .meter, .recorder: ""
        }
    }

    private static func name(of label: String, _ suffix: String) -> String {
        let name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == ":" ? $0 : "_" })
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    /// The counters of a family, summed by the values of one label; empty when there are none.
    package func counts(of family: String, by label: String) -> [String: Int] {
        let series = self.state.withLock { $0.families[family]?.series ?? [:] }
        var counts: [String: Int] = [:]
        for (labels, one) in series {
            guard let counter = one as? PrometheusCounter, let value = labels.value(of: label) else { continue }
            counts[value, default: 0] += counter.count
        }
        return counts
    }

    private func series<Series: PrometheusSeries>(
        _ label: String, _ dimensions: [(String, String)], suffix: String = "", type: String,
        make: () -> Series
    ) -> Series {
        let name = Self.name(of: label, suffix)
        let labels = PrometheusLabels(dimensions)
        return self.state.withLock { state in
            if let known = state.families[name]?.series[labels] as? Series { return known }
            let new = make()
            state.families[name, default: Family(type: type)].series[labels] = new
            return new
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.series(label, dimensions, suffix: Self.counterSuffix, type: "counter") { PrometheusCounter() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.series(label, dimensions, type: "gauge") { PrometheusGauge() }
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return self.series(label, dimensions, type: "gauge") { PrometheusGauge() } }
        return self.series(label, dimensions, type: "histogram") { PrometheusHistogram(bounds: Self.valueBuckets) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.series(label, dimensions, suffix: Self.timerSuffix, type: "histogram") {
            PrometheusHistogram(bounds: Self.timeBuckets)
        }
    }

    // Series live as long as the process: a counter that goes away and comes back would begin anew.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}
