/// One line, or for a histogram a few, of Prometheus' text format.
package protocol PrometheusSeries: AnyObject, Sendable {
    func write(_ name: String, _ labels: PrometheusLabels, to text: inout String)
}
