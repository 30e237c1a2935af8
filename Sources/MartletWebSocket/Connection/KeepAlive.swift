import NIOCore

/// When to ping, and when to take the peer for dead. A pure state machine: it is told the time.
struct KeepAlive {
    enum Action: Equatable {
        case sendPing
        case nothing
        /// Nothing came in since the ping that is `pingTimeout` old.
        case peerIsDead
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    private var nextPing: NIODeadline
    /// Set while a ping is unanswered.
    private var deadline: NIODeadline?
    /// Whether a byte came in since the last ping. Any byte is life, not only a pong.
    private var hasHeard = false

    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        self.interval = interval
        self.timeout = timeout
        self.nextPing = now + interval
    }

    /// When ``wake(now:)`` wants to be called.
    var nextWake: NIODeadline { min(self.nextPing, self.deadline ?? .distantFuture) }

    mutating func heard() { self.hasHeard = true }

    mutating func wake(now: NIODeadline) -> Action {
        if self.hasHeard { self.deadline = nil }
        if let deadline, now >= deadline { return .peerIsDead }
        guard now >= self.nextPing else { return .nothing }
        self.nextPing = now + self.interval
        if self.deadline == nil {
            self.deadline = now + self.timeout
            self.hasHeard = false
        }
        return .sendPing
    }
}
