import NIOCore

/// Decides when to ping, and when the peer is dead. A pure state machine: it is told the time.
struct KeepAlive {
    enum Action: Equatable {
        case sendPing
        case nothing
        /// Nothing was received since a ping that is `pingTimeout` old.
        case peerIsDead
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    private var nextPing: NIODeadline
    /// The time until which a byte must arrive after a ping; `nil` if none is awaited.
    private var deadline: NIODeadline?
    /// Whether a byte has arrived since the last ping. Any byte shows that the peer is alive, not only a pong.
    private var hasHeard = false

    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        self.interval = interval
        self.timeout = timeout
        self.nextPing = now + interval
    }

    /// The time at which ``wake(now:)`` is to be called next.
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
