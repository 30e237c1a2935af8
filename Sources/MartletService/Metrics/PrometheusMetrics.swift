public import CoreMetrics
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

    private static let bootstrapped = Atomic(false)
    /// The bounds of timers. Seconds.
    private static let timeBuckets = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    private static let valueBuckets = (0...12).map { Double(1 << (2 * $0)) }

    private let families = Mutex<[String: Family]>([:])

    public init() {}

    /// Makes ``shared`` the backend of swift-metrics, the first time it is called.
    public static func bootstrap() {
        guard self.bootstrapped.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return
        }
        MetricsSystem.bootstrap(self.shared)
    }

    /// Returns all metrics, as `/metrics` answers them.
    public func text() -> String {
        let families = self.families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(family.type)\n"
            for (labels, series) in family.series.sorted(by: { $0.key.text < $1.key.text }) {
                series.write(name, labels, to: &text)
            }
        }
        return text
    }

    private func series<Series: PrometheusSeries>(
        _ label: String, _ dimensions: [(String, String)], suffix: String = "", type: String,
        make: () -> Series
    ) -> Series {
        var name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == ":" ? $0 : "_" })
        if !suffix.isEmpty, !name.hasSuffix(suffix) { name += suffix }
        let labels = PrometheusLabels(dimensions)
        return self.families.withLock { families in
            if let known = families[name]?.series[labels] as? Series { return known }
            let new = make()
            families[name, default: Family(type: type)].series[labels] = new
            return new
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.series(label, dimensions, suffix: "_total", type: "counter") { PrometheusCounter() }
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
        self.series(label, dimensions, suffix: "_seconds", type: "histogram") {
            PrometheusHistogram(bounds: Self.timeBuckets)
        }
    }

    // Series live as long as the process: a counter that goes away and comes back would begin anew.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}
