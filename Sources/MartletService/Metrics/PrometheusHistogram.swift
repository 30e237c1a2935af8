import CoreMetrics
import Synchronization

package final class PrometheusHistogram: RecorderHandler, TimerHandler, PrometheusSeries {
    private struct State {
        /// The number of values for each bound, and for what lies beyond the last.
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    /// - Parameter bounds: upper bounds, ascending.
    package init(bounds: [Double]) {
        self.bounds = bounds
        self.state = Mutex(State(counts: .init(repeating: 0, count: bounds.count + 1)))
    }

    package func record(_ value: Int64) { self.record(Double(value)) }

    package func record(_ value: Double) {
        let bucket = self.bounds.firstIndex { value <= $0 } ?? self.bounds.count
        self.state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    package func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }

    package func write(_ name: String, _ labels: PrometheusLabels, to text: inout String) {
        let state = self.state.withLock { $0 }
        var total = 0
        for (index, count) in state.counts.enumerated() {
            total += count
            let bound = index < self.bounds.count ? "\(self.bounds[index])" : "+Inf"
            text += "\(name)_bucket\(labels.with("le", bound)) \(total)\n"
        }
        text += "\(name)_sum\(labels.braced) \(state.sum)\n\(name)_count\(labels.braced) \(total)\n"
    }
}
