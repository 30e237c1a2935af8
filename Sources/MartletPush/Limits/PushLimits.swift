public import MartletWebSocket

/// Limits on each client and each user.
public struct PushLimits: Sendable, Hashable {
    /// Bytes of a token, and of a user's id.
    package static let tokenLength = 8 * 1024
    /// Bytes of an event's name.
    static let eventLength = 255

    /// The name of the policy in earlier versions.
    public typealias SlowClientPolicy = SlowConsumerPolicy

    /// Events that one session may subscribe to. Default: 128.
    public var eventsPerSession = 128
    /// Sessions that one user may have at once, over all transports. Default: `nil`, any number.
    public var sessionsPerUser: Int?
    /// The policy for a user who has as many sessions already. Default: ``ExcessSessionPolicy/refuse``.
    public var excessSessions = ExcessSessionPolicy.refuse
    /// Messages that a client may send. Default: 20 a second and 256 at once; `nil` for no limit. Beyond it the
    /// connection is closed with 1008.
    public var messageRate: RateLimit? = RateLimit(perSecond: 20, burst: 256)
    /// Bytes that may wait for a client that reads too slowly. Default: 64 KiB.
    public var queueSize = 64 * 1024
    /// The policy for clients whose queue is full. Default: ``SlowConsumerPolicy/close``. Clients of the event-stream
    /// dialect are always closed: they resume and are sent what they missed.
    public var slowClients = SlowConsumerPolicy.close

    public init() {}
}
