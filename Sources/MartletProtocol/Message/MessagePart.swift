/// A piece of a message, for handlers that take large messages as they arrive.
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
