import Metrics
import NIOCore

/// What the exchanges of one event loop count, by way of swift-metrics. Handlers are looked up once and kept.
///
/// - `proxy_requests_total` (counter; `route`, `status`)
/// - `proxy_request_seconds` (timer; `route`): from a request's head to the end of its answer; no WebSockets
/// - `proxy_upstream_failures_total` (counter; `upstream`, `endpoint`, `reason`)
/// - `proxy_websockets_total` (counter; `route`): upgrades that succeeded
/// - `proxy_websocket_seconds` (timer; `route`)
/// - `proxy_websocket_bytes_total`, `proxy_websocket_messages_total` (counters; `route`, `from`: `client` or `upstream`)
/// - `proxy_websocket_closes_total` (counter; `route`, `code`): 1006 when no close frame was seen
/// - `proxy_websocket_ends_total` (counter; `route`, `reason`): tunnels that the proxy ended itself
/// - `proxy_refused_connections_total` (counter; `reason`)
final class ProxyMetrics {
    private var requests: [String: [Int: Counter]] = [:]
    private var durations: [String: Timer] = [:]

    func answered(_ entry: AccessLogEntry) {
        let route = entry.route ?? "-"
        let counter: Counter
        if let known = self.requests[route]?[entry.status] {
            counter = known
        } else {
            counter = Counter(
                label: "proxy_requests_total", dimensions: [("route", route), ("status", String(entry.status))])
            self.requests[route, default: [:]][entry.status] = counter
        }
        counter.increment()
        guard entry.status != 101 else { return }
        let timer: Timer
        if let known = self.durations[route] {
            timer = known
        } else {
            timer = Timer(label: "proxy_request_seconds", dimensions: [("route", route)])
            self.durations[route] = timer
        }
        timer.recordNanoseconds(entry.duration)
    }

    func upstreamFailed(_ upstream: String, _ endpoint: Endpoint, reason: String) {
        Counter(
            label: "proxy_upstream_failures_total",
            dimensions: [("upstream", upstream), ("endpoint", endpoint.url.description), ("reason", reason)]
        ).increment()
    }

    static func refusedConnection(reason: String) {
        Counter(label: "proxy_refused_connections_total", dimensions: [("reason", reason)]).increment()
    }

    static func upgraded(route: String) {
        Counter(label: "proxy_websockets_total", dimensions: [("route", route)]).increment()
    }

    /// From any thread.
    static func ended(_ tunnel: TunnelSummary, route: String, duration: Int64) {
        Timer(label: "proxy_websocket_seconds", dimensions: [("route", route)]).recordNanoseconds(duration)
        for (from, bytes, messages) in [
            ("client", tunnel.bytesFromClient, tunnel.messagesFromClient),
            ("upstream", tunnel.bytesFromUpstream, tunnel.messagesFromUpstream),
        ] {
            let dimensions = [("route", route), ("from", from)]
            Counter(label: "proxy_websocket_bytes_total", dimensions: dimensions).increment(by: bytes)
            Counter(label: "proxy_websocket_messages_total", dimensions: dimensions).increment(by: messages)
        }
        Counter(
            label: "proxy_websocket_closes_total",
            dimensions: [("route", route), ("code", String(tunnel.closeCode ?? 1006))]
        ).increment()
        if tunnel.end != .finished {
            Counter(
                label: "proxy_websocket_ends_total", dimensions: [("route", route), ("reason", tunnel.end.rawValue)]
            ).increment()
        }
    }
}
