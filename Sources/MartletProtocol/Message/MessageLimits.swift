/// The limits of one message. They are checked before memory is allocated; a message beyond them fails the connection
/// with 1009.
public struct MessageLimits: Sendable, Hashable {
    /// The most bytes of payload in all fragments together, after inflation. Default: 1 MiB.
    public var maximumMessageSize: Int
    /// The most frames in a message, including empty ones. Each 4 KiB of the message allow one more, so that a large
    /// message in fair fragments is not refused. Default: 1,024.
    public var maximumFragmentCount: Int

    public init(maximumMessageSize: Int = 1 << 20, maximumFragmentCount: Int = 1024) {
        precondition(maximumMessageSize >= 0 && maximumFragmentCount >= 1)
        self.maximumMessageSize = maximumMessageSize
        self.maximumFragmentCount = maximumFragmentCount
    }
}
