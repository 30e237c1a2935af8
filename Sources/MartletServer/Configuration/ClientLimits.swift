public import MartletWebSocket

/// Limits on the number of clients. A client is a WebSocket, an event stream or a waiting poll.
public struct ClientLimits: Sendable, Hashable {
    /// The greatest number of clients. Default: `nil`, as many as there are descriptors, with some kept for other requests.
    /// Beyond it a client gets 503.
    public var connections: Int?
    /// The greatest number of clients from one address. Default: `nil`, any number. Beyond it a client gets 429. Behind a
    /// proxy all have its address unless it is trusted: ``PushServerConfiguration/trustedProxies``.
    public var connectionsPerAddress: Int?
    /// The rate of new clients from one address. Default: `nil`, any. Beyond it a client gets 429.
    public var connectionRate: RateLimit?

    public init() {}
}
