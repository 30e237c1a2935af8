/// What became of a message that was to be sent.
public enum SendResult: Sendable, Hashable {
    /// Sent, or in the outbound queue.
    case sent
    /// The queue is full; the message was not taken.
    case full
    /// The connection is closed or closing; the message was not taken.
    case closed
}
