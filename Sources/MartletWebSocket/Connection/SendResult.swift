/// The result of sending a message.
public enum SendResult: Sendable, Hashable {
    /// The message was sent, or is in the outbound queue.
    case sent
    /// The queue is full; the message was not taken.
    case full
    /// The connection is closed or closing; the message was not taken.
    case closed
}
