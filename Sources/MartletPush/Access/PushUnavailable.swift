/// An error that says that a token cannot be checked at the moment: the client is to come back later. Thrown by
/// ``PushHooks/authenticate``; any other error has the same effect. A WebSocket is closed with 1013, other requests are
/// answered 503 with `Retry-After`.
public struct PushUnavailable: Error, Sendable, CustomStringConvertible {
    /// The reason, for the log.
    public let reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { self.reason }
}
