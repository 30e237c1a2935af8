/// The channel that carries the messages of one event to one user; only that user may subscribe to it.
/// Two are the same when their names are, byte by byte.
public struct UserChannel: Sendable, Hashable, CustomStringConvertible {
    public let user: String
    public let event: String

    public init(user: String, event: String) {
        self.user = user
        self.event = event
    }

    /// A channel by the name that the API of servers has for it: `alerts#42` is the event `alerts` of the user `42`. The last
    /// `#` counts: events may have some, users may not.
    ///
    /// - Returns: `nil` for any other name, and for one that is too long for anybody to hear.
    package init?(name: String) {
        guard let mark = name.utf8.lastIndex(of: UInt8(ascii: "#")), mark != name.startIndex else { return nil }
        let (event, user) = (String(name[..<mark]), String(name[name.utf8.index(after: mark)...]))
        self.init(user: user, event: event)
        guard self.isHearable else { return nil }
    }

    /// Whether a client may register for it: no name is empty or too long.
    var isHearable: Bool {
        (1...PushLimits.eventLength).contains(self.event.utf8.count)
            && (1...PushLimits.tokenLength).contains(self.user.utf8.count)
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
