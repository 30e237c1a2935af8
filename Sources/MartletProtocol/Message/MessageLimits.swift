/// How much one message may take. Checked before memory is taken; beyond it the connection fails with 1009.
public struct MessageLimits: Sendable, Hashable {
    /// Bytes of payload in all fragments together, after inflation. Default: 1 MiB.
    public var maximumMessageSize: Int
    /// Frames a message may be split into, empty ones counted; each 4 KiB of it that have come allow one more, so that
    /// a large message in fair fragments is not refused. Default: 1,024.
    public var maximumFragmentCount: Int

    public init(maximumMessageSize: Int = 1 << 20, maximumFragmentCount: Int = 1024) {
        precondition(maximumMessageSize >= 0 && maximumFragmentCount >= 1)
        self.maximumMessageSize = maximumMessageSize
        self.maximumFragmentCount = maximumFragmentCount
    }
}
