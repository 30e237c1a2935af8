import NIOCore

/// The pings of a connection: when they are due, which are unanswered, and how long the last took.
struct PingState {
    /// The most unanswered pings that are remembered; older ones are forgotten.
    private static let mostOutstanding = 16

    /// The schedule of the connection's own pings; `nil` if it sends none, or is closing.
    var keepAlive: KeepAlive?
    /// The latest pings that were sent and are unanswered, the oldest first.
    private var outstanding: [(payload: [UInt8], sentAt: NIODeadline)] = []
    private var count: UInt32 = 0
    /// The round-trip time of the latest ping that was answered; `nil` before the first.
    private(set) var latency: TimeAmount?

    /// Returns the payload of the connection's next own ping: four bytes that count up, to tell it from the
    /// application's pings.
    mutating func nextPayload() -> [UInt8] {
        self.count &+= 1
        return withUnsafeBytes(of: self.count.bigEndian) { Array($0) }
    }

    mutating func sent(_ payload: [UInt8], now: NIODeadline) {
        self.outstanding.append((payload, now))
        if self.outstanding.count > Self.mostOutstanding { self.outstanding.removeFirst() }
    }

    /// - Returns: the round-trip time of the ping that the pong answers; `nil` if it answers none.
    mutating func received(_ payload: [UInt8], now: NIODeadline) -> TimeAmount? {
        // A peer may answer only the latest of several pings (RFC 6455, section 5.5.3).
        guard let index = self.outstanding.firstIndex(where: { $0.payload == payload }) else { return nil }
        let latency = now - self.outstanding[index].sentAt
        self.latency = latency
        self.outstanding.removeFirst(index + 1)
        return latency
    }
}
