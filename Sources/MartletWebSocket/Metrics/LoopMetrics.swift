import MartletProtocol
import Metrics
import NIOCore

/// The counts of the connections of one event loop: plain integers, passed to swift-metrics at most once a second, so
/// that a message costs an addition and no lock.
///
/// Names (all with the dimension `role`, `server` or `client`; ``WebSocketMetrics`` describes them):
/// - `websocket.connections` (meter): the open connections, over all event loops.
/// - `websocket.messages.sent`, `websocket.messages.received`, `websocket.messages.dropped` (counters)
/// - `websocket.bytes.sent`, `websocket.bytes.received` (counters): on the wire, including frame headers, before TLS.
/// - `websocket.closes` (counter), with the dimension `code`; 3000 and 4000 stand for all codes of their thousand
/// - `websocket.queue.bytes` (recorder): the bytes that wait on a connection when its queue grows
/// - `websocket.rtt` (timer): from a ping to its pong
final class LoopMetrics {
    /// The counts of one role that have not been passed on yet.
    private struct Counts {
        var sentMessages = 0
        var receivedMessages = 0
        var droppedMessages = 0
        var sentBytes = 0
        var receivedBytes = 0
        var opened = 0
        var closes: [UInt16: Int] = [:]
    }

    private static let interval = TimeAmount.seconds(1)

    private let eventLoop: any EventLoop
    private var server = Counts()
    private var client = Counts()
    private var isFlushScheduled = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    private func count(_ role: Role, _ change: (inout Counts) -> Void) {
        if role == .server { change(&self.server) } else { change(&self.client) }
        if !self.isFlushScheduled { self.scheduleFlush() }
    }

    func sent(messages: Int, _ role: Role) { self.count(role) { $0.sentMessages &+= messages } }
    func received(messages: Int, _ role: Role) { self.count(role) { $0.receivedMessages &+= messages } }
    func dropped(_ messages: Int, _ role: Role) { self.count(role) { $0.droppedMessages &+= messages } }
    func sent(bytes: Int, _ role: Role) { self.count(role) { $0.sentBytes &+= bytes } }
    func received(bytes: Int, _ role: Role) { self.count(role) { $0.receivedBytes &+= bytes } }
    func opened(_ role: Role) {
        OpenConnectionCount.change(by: 1, role)
        self.count(role) { $0.opened &+= 1 }
    }

    func closed(_ code: CloseCode, _ role: Role) {
        OpenConnectionCount.change(by: -1, role)
        self.count(role) { $0.closes[code.counted.rawValue, default: 0] += 1 }
    }

    func roundTrip(_ latency: TimeAmount, _ role: Role) {
        Metrics.Timer(label: "websocket.rtt", dimensions: Self.dimensions(role)).recordNanoseconds(latency.nanoseconds)
    }

    func queued(bytes: Int, _ role: Role) {
        Recorder(label: "websocket.queue.bytes", dimensions: Self.dimensions(role)).record(bytes)
    }

    private static func dimensions(_ role: Role) -> [(String, String)] {
        [("role", self.name(of: role))]
    }

    static func name(of role: Role) -> String { role == .server ? "server" : "client" }

    private func scheduleFlush() {
        self.isFlushScheduled = true
        self.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { self.flush() }
    }

    /// Passes all counts to swift-metrics.
    func flush() {
        self.isFlushScheduled = false
        for role in [Role.server, .client] {
            let counts = role == .server ? self.server : self.client
            if role == .server { self.server = Counts() } else { self.client = Counts() }
            let dimensions = Self.dimensions(role)
            for (label, value) in [
                ("websocket.messages.sent", counts.sentMessages),
                ("websocket.messages.received", counts.receivedMessages),
                ("websocket.messages.dropped", counts.droppedMessages),
                ("websocket.bytes.sent", counts.sentBytes),
                ("websocket.bytes.received", counts.receivedBytes),
                ("websocket.connections.opened", counts.opened),
            ] where value > 0 {
                Counter(label: label, dimensions: dimensions).increment(by: value)
            }
            for (code, value) in counts.closes {
                Counter(label: "websocket.closes", dimensions: dimensions + [("code", String(code))])
                    .increment(by: value)
            }
            if counts.opened > 0 || !counts.closes.isEmpty {
                Meter(label: "websocket.connections", dimensions: dimensions).set(OpenConnectionCount.of(role))
            }
        }
    }
}
