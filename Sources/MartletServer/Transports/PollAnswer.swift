import NIOCore

/// How a poll ends.
enum PollAnswer: Sendable {
    /// The JSON with what came.
    case items(ByteBuffer)
    /// Nothing came while it waited.
    case nothing
    /// The server is about to stop. The client comes back after so many milliseconds.
    case restart(retry: Int)
    /// What the client needs cannot be had at the moment.
    case unavailable(String)
}
