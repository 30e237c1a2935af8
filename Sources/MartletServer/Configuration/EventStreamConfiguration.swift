public import NIOCore

/// The configuration of `/sse` and `/poll`, and of heartbeats on every event stream.
public struct EventStreamConfiguration: Sendable, Hashable {
    /// The path of server-sent events. Default: `/sse`.
    public var eventsPath = "/sse"
    /// The path of polls. Default: `/poll`.
    public var pollPath = "/poll"
    /// The time between two heartbeats of a silent event stream, by which dead connections are noticed. Default: 15 s.
    public var heartbeatInterval = TimeAmount.seconds(15)
    /// The range of random times after which clients come back, in milliseconds. Default: 1,000 to 3,000.
    public var retry = 1000...3000
    /// Bytes that may wait for a client that reads too slowly; beyond it its connection is closed, and it resumes where it
    /// was. Default: 64 KiB.
    public var queueSize = 64 * 1024

    public init() {}
}
