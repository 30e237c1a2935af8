/// The channel that carries the messages of one event to one user; only that user may subscribe to it.
public struct UserChannel: Sendable, Hashable, CustomStringConvertible {
    public let user: String
    public let event: String

    public init(user: String, event: String) {
        self.user = user
        self.event = event
    }

    public var description: String { "\(self.user)/\(self.event)" }
}
