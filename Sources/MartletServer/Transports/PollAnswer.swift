import NIOCore

/// The answer to a poll.
enum PollAnswer: Sendable {
    /// The JSON with what came, and when the client is to come back, in milliseconds, if the server is about to stop.
    case items(ByteBuffer, retry: Int?)
    /// Nothing came while it waited.
    case nothing
    /// The server is about to stop. The client comes back after so many milliseconds.
    case restart(retry: Int)
    /// The service cannot give the client what it needs at the moment.
    case unavailable(String)
    /// The client is not to come back.
    case refused(String)
}
