import MartletWebSocket
import Metrics

/// The metrics that belong to no route; they change rarely enough to look the counters up each time.
///
/// - `proxy_upstream_failures_total` (counter; `upstream`, `endpoint`, `reason`)
/// - `proxy_refused_connections_total` (counter; `reason`)
enum ProxyMetrics {
    /// The reason why the proxy refused a client's connection.
    enum Refusal: String, CaseIterable {
        case limit
        case proxyProtocol = "PROXY protocol"
    }

    /// The reasons that upstream servers fail for; any other gets its series when it comes.
    private static let failures = [
        "no connection", "connect timeout", "response timeout", "connection closed", "malformed answer",
        "wrong handshake", "unasked upgrade",
    ]

    /// The descriptions of all metrics of the proxy, those of ``RouteMetrics`` and ``ProxyServer/recordGauges()``
    /// included. Most have their series from the routes and upstreams.
    static let descriptions: [MetricDescription] =
        [
            MetricDescription("proxy_connections", .meter, "Connections of clients that are open, tunnels included."),
            MetricDescription("proxy_websockets", .meter, "WebSockets that are open."),
            MetricDescription("proxy_endpoint_up", .meter, "Whether an upstream server gets requests.", series: []),
            MetricDescription(
                "proxy_endpoint_active", .meter, "Requests and tunnels under way to an upstream server.", series: []),
            MetricDescription(
                "proxy_upstream_failures_total", .counter, "Failures of upstream servers.", series: []),
            MetricDescription(
                "proxy_refused_connections_total", .counter, "Connections of clients that were refused.",
                series: Refusal.allCases.map { [("reason", $0.rawValue)] }),
            MetricDescription("proxy_requests_total", .counter, "Requests that were answered.", series: []),
            MetricDescription(
                "proxy_request_seconds", .timer, "Time from the head of a request to the end of its answer.",
                series: []),
            MetricDescription("proxy_websockets_total", .counter, "WebSockets that have been opened.", series: []),
            MetricDescription("proxy_websocket_seconds", .timer, "Time that a WebSocket was open.", series: []),
            MetricDescription(
                "proxy_websocket_bytes_total", .counter, "Bytes that passed WebSockets that have ended.", series: []),
            MetricDescription(
                "proxy_websocket_messages_total", .counter, "Messages that passed WebSockets that have ended.",
                series: []),
            MetricDescription(
                "proxy_websocket_closes_total", .counter,
                "WebSockets that have ended; 3000 and 4000 stand for all codes of their thousand.", series: []),
            MetricDescription(
                "proxy_websocket_ends_total", .counter, "WebSockets that the proxy ended itself, or that broke.",
                series: []),
        ] + WebSocketMetrics.connections([.server, .client])

    /// Makes the series of an upstream server exist before it fails.
    static func describe(_ upstream: String, _ endpoint: String) {
        for reason in Self.failures { _ = Self.failureCounter(upstream, endpoint, reason) }
    }

    static func upstreamFailed(_ upstream: String, _ endpoint: String, reason: String) {
        Self.failureCounter(upstream, endpoint, reason).increment()
    }

    private static func failureCounter(_ upstream: String, _ endpoint: String, _ reason: String) -> Counter {
        Counter(
            label: "proxy_upstream_failures_total",
            dimensions: [("upstream", upstream), ("endpoint", endpoint), ("reason", reason)])
    }

    static func refusedConnection(_ refusal: Refusal) {
        Counter(label: "proxy_refused_connections_total", dimensions: [("reason", refusal.rawValue)]).increment()
    }
}
