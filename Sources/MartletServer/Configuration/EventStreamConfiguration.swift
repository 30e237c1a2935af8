public import NIOCore

/// How `/sse` and `/poll` behave.
public struct EventStreamConfiguration: Sendable, Hashable {
    /// Where server-sent events are. Default: `/sse`.
    public var eventsPath = "/sse"
    /// Where polls go. Default: `/poll`.
    public var pollPath = "/poll"
    /// Between two comments that keep proxies and dead connections from going unnoticed. Default: 15 s.
    public var heartbeatInterval = TimeAmount.seconds(15)
    /// How long browsers wait before they come back: a random time of so many milliseconds each. Default: 1,000 to 3,000.
    public var retry = 1000...3000
    /// Bytes that may wait for a client that reads too slowly; beyond it its connection is closed, and it resumes where it
    /// was. Default: 64 KiB.
    public var queueSize = 64 * 1024

    public init() {}
}
