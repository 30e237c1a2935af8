import Metrics

/// The metrics that belong to no route; they change rarely enough to look the counters up each time.
///
/// - `proxy_upstream_failures_total` (counter; `upstream`, `endpoint`, `reason`)
/// - `proxy_refused_connections_total` (counter; `reason`)
enum ProxyMetrics {
    static func upstreamFailed(_ upstream: String, _ endpoint: String, reason: String) {
        Counter(
            label: "proxy_upstream_failures_total",
            dimensions: [("upstream", upstream), ("endpoint", endpoint), ("reason", reason)]
        ).increment()
    }

    static func refusedConnection(reason: String) {
        Counter(label: "proxy_refused_connections_total", dimensions: [("reason", reason)]).increment()
    }
}
