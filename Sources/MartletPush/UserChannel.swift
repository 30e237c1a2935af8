/// The channel that carries the messages of one event to one user; only that user may subscribe to it.
/// Two are the same when their names are, byte by byte.
public struct UserChannel: Sendable, Hashable, CustomStringConvertible {
    public let user: String
    public let event: String

    public init(user: String, event: String) {
        self.user = user
        self.event = event
    }

    var exactUser: ExactString { ExactString(self.user) }
    var exactEvent: ExactString { ExactString(self.event) }

    public static func == (left: Self, right: Self) -> Bool {
        left.exactUser == right.exactUser && left.exactEvent == right.exactEvent
    }

    public func hash(into hasher: inout Hasher) {
        self.exactUser.hash(into: &hasher)
        self.exactEvent.hash(into: &hasher)
    }

    public var description: String { "\(self.user)/\(self.event)" }
}
