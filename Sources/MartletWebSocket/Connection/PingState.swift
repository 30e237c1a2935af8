import NIOCore

/// The pings of a connection: when they are due, which are unanswered, and how long the last took.
struct PingState {
    /// Older unanswered pings are forgotten.
    private static let mostOutstanding = 16

    /// `nil` when the connection sends no pings of its own, or is closing.
    var keepAlive: KeepAlive?
    /// The latest pings that have left and are unanswered, the oldest first.
    private var outstanding: [(payload: [UInt8], sentAt: NIODeadline)] = []
    private var count: UInt32 = 0
    /// The round-trip time of the latest ping that was answered; `nil` before the first.
    private(set) var latency: TimeAmount?

    /// The payload of the next ping of our own: four bytes, counted up, so that they are told from the application's.
    mutating func nextPayload() -> [UInt8] {
        self.count &+= 1
        return withUnsafeBytes(of: self.count.bigEndian) { Array($0) }
    }

    mutating func sent(_ payload: [UInt8], now: NIODeadline) {
        self.outstanding.append((payload, now))
        if self.outstanding.count > Self.mostOutstanding { self.outstanding.removeFirst() }
    }

    /// - Returns: how long its ping took; `nil` when it answers none.
    mutating func received(_ payload: [UInt8], now: NIODeadline) -> TimeAmount? {
        // A peer may answer only the latest of several pings (RFC 6455, section 5.5.3).
        guard let index = self.outstanding.firstIndex(where: { $0.payload == payload }) else { return nil }
        let latency = now - self.outstanding[index].sentAt
        self.latency = latency
        self.outstanding.removeFirst(index + 1)
        return latency
    }
}
