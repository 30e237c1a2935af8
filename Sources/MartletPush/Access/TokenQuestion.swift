/// The question who a client is, for ``PushHooks/authenticate``.
public struct TokenQuestion: Sendable, Hashable {
    /// The token that the client showed.
    public var token: String
    /// The events that it wants to subscribe to, at least one: the user that the token stands for gets all of them.
    public var events: [String]
    /// The client's IP address; `nil` for one without, on a Unix domain socket.
    public var clientAddress: String?

    public init(token: String, events: [String], clientAddress: String? = nil) {
        self.token = token
        self.events = events
        self.clientAddress = clientAddress
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.token.hasSameBytes(as: right.token) && left.clientAddress == right.clientAddress
            && left.events.elementsEqual(right.events) { $0.hasSameBytes(as: $1) }
    }

    public func hash(into hasher: inout Hasher) {
        ExactString(self.token).hash(into: &hasher)
        hasher.combine(self.events.count)
        for event in self.events { ExactString(event).hash(into: &hasher) }
        hasher.combine(self.clientAddress)
    }
}
