/// A piece of a message, for those who take large messages as they come.
public struct MessagePart: Sendable, Hashable {
    public let kind: MessageKind
    public let isFirst: Bool
    public let isLast: Bool

    public init(kind: MessageKind, isFirst: Bool, isLast: Bool) {
        self.kind = kind
        self.isFirst = isFirst
        self.isLast = isLast
    }
}
