public import MartletWebSocket

/// How many clients there may be. A client is a WebSocket, an event stream or a waiting poll.
public struct ClientLimits: Sendable, Hashable {
    /// At once. Default: `nil`, as many as there are descriptors, with some kept for other requests. Beyond it a client gets
    /// 503.
    public var connections: Int?
    /// At once from one address. Default: `nil`, any number. Beyond it a client gets 429. Behind a proxy all have its address
    /// unless it is trusted: ``PushServerConfiguration/trustedProxies``.
    public var connectionsPerAddress: Int?
    /// How often one address may connect. Default: `nil`, as often as it likes. Beyond it a client gets 429.
    public var connectionRate: RateLimit?

    public init() {}
}
