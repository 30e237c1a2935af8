/// The name of a channel. Two names are the same when their bytes are; Swift's own comparison of strings is not used.
public struct ChannelName: Sendable, Hashable, CustomStringConvertible {
    private let name: ExactString

    public var text: String { self.name.value }

    public init(_ text: String) { self.name = ExactString(text) }

    public var description: String { self.text }
}
