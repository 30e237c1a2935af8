/// Whether a client may connect cannot be told at the moment: it is to come back later. Thrown by
/// ``PushHooks/authenticate``; any other error says the same. A WebSocket is closed with 1013, other requests are answered 503
/// with `Retry-After`.
public struct PushUnavailable: Error, Sendable, CustomStringConvertible {
    /// For the log.
    public let reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { self.reason }
}
