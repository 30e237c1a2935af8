import MartletWebSocket
import Metrics
import Synchronization

/// The metrics of one route's requests, by way of swift-metrics. The handles are looked up once; any thread may use
/// them.
///
/// - `proxy_requests_total` (counter; `route`, `status`)
/// - `proxy_request_seconds` (timer; `route`): from a request's head to the end of its answer; no WebSockets
/// - `proxy_websockets_total` (counter; `route`): upgrades that succeeded
/// - `proxy_websocket_seconds` (timer; `route`)
/// - `proxy_websocket_bytes_total`, `proxy_websocket_messages_total` (counters; `route`, `from`: `client` or
///   `upstream`)
/// - `proxy_websocket_closes_total` (counter; `route`, `code`): 1006 when no close frame was seen; 3000 and 4000 stand
///   for all codes of frameworks and applications
/// - `proxy_websocket_ends_total` (counter; `route`, `reason`): tunnels that the proxy ended itself, or that broke
final class RouteMetrics: Sendable {
    private struct Found {
        var statuses: [Int: Counter] = [:]
        var closeCodes: [UInt16: Counter] = [:]
        var ends: [TunnelEnd: Counter] = [:]
    }

    /// The statuses, and the close codes, whose counters exist from the start.
    private static let statuses = [101, 200, 400, 404, 413, 429, 499, 500, 502, 503, 504]
    private static let codes: [UInt16] = [1000, 1001, 1006, 1008, 1009, 1011, 1012, 1013]

    private let route: String
    private let found = Mutex(Found())
    private let duration: Timer
    private let upgrades: Counter
    private let webSocketDuration: Timer
    private let bytesFromClient: Counter
    private let bytesFromUpstream: Counter
    private let messagesFromClient: Counter
    private let messagesFromUpstream: Counter

    /// - Parameter route: its name, or `-` for requests that match none.
    init(route: String) {
        self.route = route
        let dimensions = [("route", route)]
        self.duration = Timer(label: "proxy_request_seconds", dimensions: dimensions)
        self.upgrades = Counter(label: "proxy_websockets_total", dimensions: dimensions)
        self.webSocketDuration = Timer(label: "proxy_websocket_seconds", dimensions: dimensions)
        func counter(_ label: String, from side: String) -> Counter {
            Counter(label: label, dimensions: dimensions + [("from", side)])
        }
        self.bytesFromClient = counter("proxy_websocket_bytes_total", from: "client")
        self.bytesFromUpstream = counter("proxy_websocket_bytes_total", from: "upstream")
        self.messagesFromClient = counter("proxy_websocket_messages_total", from: "client")
        self.messagesFromUpstream = counter("proxy_websocket_messages_total", from: "upstream")
        for status in Self.statuses { _ = self.requestCounter(status) }
        for code in Self.codes { _ = self.closeCounter(code) }
        for end in TunnelEnd.allCases where end != .finished { _ = self.endCounter(end) }
    }

    /// - Parameter duration: nanoseconds.
    func answered(status: Int, duration: Int64) {
        self.requestCounter(status).increment()
        if status == 101 { self.upgrades.increment() } else { self.duration.recordNanoseconds(duration) }
    }

    /// - Parameter duration: nanoseconds.
    func ended(_ tunnel: TunnelSummary, duration: Int64) {
        self.webSocketDuration.recordNanoseconds(duration)
        self.bytesFromClient.increment(by: tunnel.bytesFromClient)
        self.bytesFromUpstream.increment(by: tunnel.bytesFromUpstream)
        self.messagesFromClient.increment(by: tunnel.messagesFromClient)
        self.messagesFromUpstream.increment(by: tunnel.messagesFromUpstream)
        let code = (tunnel.closeCode.map { CloseCode($0) } ?? .abnormalClosure).counted.rawValue
        self.closeCounter(code).increment()
        if tunnel.end != .finished { self.endCounter(tunnel.end).increment() }
    }

    private func requestCounter(_ status: Int) -> Counter {
        self.found.withLock { found in
            if let known = found.statuses[status] { return known }
            let counter = Counter(
                label: "proxy_requests_total", dimensions: [("route", self.route), ("status", String(status))])
            found.statuses[status] = counter
            return counter
        }
    }

    private func closeCounter(_ code: UInt16) -> Counter {
        self.found.withLock { found in
            if let known = found.closeCodes[code] { return known }
            let counter = Counter(
                label: "proxy_websocket_closes_total", dimensions: [("route", self.route), ("code", String(code))])
            found.closeCodes[code] = counter
            return counter
        }
    }

    private func endCounter(_ end: TunnelEnd) -> Counter {
        self.found.withLock { found in
            if let known = found.ends[end] { return known }
            let counter = Counter(
                label: "proxy_websocket_ends_total", dimensions: [("route", self.route), ("reason", end.rawValue)])
            found.ends[end] = counter
            return counter
        }
    }
}
