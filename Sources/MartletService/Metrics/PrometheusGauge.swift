import CoreMetrics
import Synchronization

package final class PrometheusGauge: MeterHandler, RecorderHandler, PrometheusSeries {
    private let value = Mutex(0.0)

    package func set(_ value: Int64) { self.set(Double(value)) }
    package func set(_ value: Double) { self.value.withLock { $0 = value } }
    package func increment(by amount: Double) { self.value.withLock { $0 += amount } }
    package func decrement(by amount: Double) { self.value.withLock { $0 -= amount } }
    package func record(_ value: Int64) { self.set(Double(value)) }
    package func record(_ value: Double) { self.set(value) }

    package func write(_ name: String, _ labels: PrometheusLabels, to text: inout String) {
        text += "\(name)\(labels.braced) \(self.value.withLock { $0 })\n"
    }
}
