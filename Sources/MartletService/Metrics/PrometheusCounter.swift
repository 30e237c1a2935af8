import CoreMetrics
import Synchronization

package final class PrometheusCounter: CounterHandler, PrometheusSeries {
    private let value = Atomic<Int64>(0)

    package var count: Int { Int(self.value.load(ordering: .relaxed)) }

    package func increment(by amount: Int64) { self.value.add(amount, ordering: .relaxed) }
    package func reset() { self.value.store(0, ordering: .relaxed) }

    package func write(_ name: String, _ labels: PrometheusLabels, to text: inout String) {
        text += "\(name)\(labels.braced) \(self.value.load(ordering: .relaxed))\n"
    }
}
