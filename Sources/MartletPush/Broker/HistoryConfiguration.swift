public import NIOCore

/// Limits on the history of channels, which is kept so that a client that was away for a moment misses nothing.
public struct HistoryConfiguration: Sendable, Hashable {
    /// Publications of each channel. 0 turns history off. Default: 100.
    public var size = 100
    /// The time for which each publication is kept. Default: 60 s.
    public var age = TimeAmount.seconds(60)
    /// The time for which a channel in which nothing is published keeps its position: a client that resumes within this
    /// time is told that it missed nothing. Default: 1 h.
    public var positionAge = TimeAmount.hours(1)
    /// Bytes of all that is kept: messages, names, and their overhead. Beyond it the oldest publications of all
    /// channels are removed. Default: 64 MiB.
    public var maximumBytes = 64 << 20

    public init() {}

    public static var off: Self {
        var configuration = Self()
        configuration.size = 0
        return configuration
    }

    public var isOn: Bool { self.size > 0 }
}
