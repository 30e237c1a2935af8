/// The name of a channel. Two names are the same when their bytes are; Swift's own comparison of strings is not used.
public struct ChannelName: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    public func hash(into hasher: inout Hasher) { ExactString(self.text).hash(into: &hasher) }

    public var description: String { self.text }
}
