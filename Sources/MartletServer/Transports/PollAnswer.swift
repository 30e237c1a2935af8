import NIOCore

/// The answer to a poll.
enum PollAnswer: Sendable {
    /// The JSON with what came.
    case items(ByteBuffer)
    /// Nothing came while it waited.
    case nothing
    /// The server is about to stop. The client comes back after so many milliseconds.
    case restart(retry: Int)
    /// The service cannot give the client what it needs at the moment.
    case unavailable(String)
}
