import CoreMetrics
import MartletWebSocket
import Testing

@testable import MartletService

@Suite("Prometheus' text format")
struct PrometheusMetricsTests {
    @Test("what is described exists from the start, with its help and zero")
    func description() {
        let metrics = PrometheusMetrics()
        metrics.describe([
            MetricDescription("a.sent", .counter, "Sent.", series: [[("role", "server")], [("role", "client")]]),
            MetricDescription("a.open", .meter, "Open."),
        ])
        #expect(
            metrics.text() == """
                # HELP a_open Open.
                # TYPE a_open gauge
                a_open 0.0
                # HELP a_sent_total Sent.
                # TYPE a_sent_total counter
                a_sent_total{role="client"} 0
                a_sent_total{role="server"} 0

                """)
        metrics.makeCounter(label: "a.sent", dimensions: [("role", "server")]).increment(by: 2)
        #expect(metrics.text().contains("\na_sent_total{role=\"server\"} 2\n"))
    }

    @Test("a metric without series is not written, and has its help once it has one")
    func later() {
        let metrics = PrometheusMetrics()
        metrics.describe([MetricDescription("a", .timer, "Back\\slash and\nline.", series: [])])
        #expect(metrics.text().isEmpty)
        metrics.makeTimer(label: "a", dimensions: []).recordNanoseconds(1)
        #expect(metrics.text().hasPrefix("# HELP a_seconds Back\\\\slash and\\nline.\n# TYPE a_seconds histogram\n"))
    }

    @Test("what nobody described has a type all the same")
    func undescribed() {
        let metrics = PrometheusMetrics()
        metrics.makeCounter(label: "a", dimensions: []).increment(by: 1)
        #expect(metrics.text() == "# TYPE a_total counter\na_total 1\n")
    }
}
