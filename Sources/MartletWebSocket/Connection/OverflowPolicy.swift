/// The policy for a message when the peer does not read and the outbound queue is full.
public enum OverflowPolicy: Sendable, Hashable {
    /// The message is not taken: ``WebSocket/send(text:compress:)`` returns ``SendResult/full``, and
    /// ``WebSocketConnection/send(_:compress:)`` waits for room. The default.
    case suspend
    /// The oldest waiting messages are dropped to make room for it.
    case dropOldest
    /// The message is dropped.
    case dropNewest
    /// The connection is closed with 1013 (try again later).
    case close
}
