import MartletWebSocket

/// The policy for a client of the register dialect whose queue is full.
public enum SlowConsumerPolicy: Sendable, Hashable {
    /// The client is closed with 1013, and knows that it missed something. The default.
    case close
    /// The oldest messages in the queue are dropped; the client is not told.
    case dropOldest

    /// The policy of a WebSocket's queue.
    var overflow: OverflowPolicy {
        switch self {
        case .close: .close
        case .dropOldest: .dropOldest
        }
    }
}
