/// How a poll ends.
enum PollAnswer: Sendable {
    /// JSON with what came.
    case items(String)
    /// Nothing came while it waited.
    case nothing
    /// The server is about to stop. The client comes back after so many milliseconds.
    case restart(retry: Int)
}
