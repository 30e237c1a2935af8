/// The limits and timeouts that a tunnel watches over besides passing bytes on. Those without a default are off.
struct TunnelPolicy: Sendable, Hashable {
    /// Bytes of one message from the client, all its fragments together, as they stand on the wire (compressed ones
    /// compressed). Beyond it both sides get 1009.
    var maximumMessageSize: Int?
    /// Messages a second from the client, on average; ``messageBurst`` may come at once. Beyond it both sides get 1008.
    var messageRate: Double?
    /// The number of messages from the client that may come at once. Default: the rate, at least 1.
    var messageBurst: Double?
    /// A client from which no byte came for this long is pinged. Nanoseconds.
    var pingInterval: Int64?
    /// A client from which no byte comes for this long after a ping is dead. Nanoseconds.
    var pingTimeout: Int64 = 20_000_000_000
    /// A tunnel in which no byte came from either side for this long is closed with 1001. Nanoseconds.
    var idleTimeout: Int64?
    /// The longest time from our close frame, or the client's violation, to the end. Nanoseconds. Default: 5 s.
    var closeTimeout: Int64 = 5_000_000_000
    /// Once one side has ended its half, a tunnel in which no byte comes from the other for this long ends: a WebSocket
    /// has no use for a half. Nanoseconds. Default: 30 s.
    var halfClosedTimeout: Int64 = 30_000_000_000

    /// Whether frames are checked, so that a violation ends the tunnel.
    var isStrict: Bool { self.maximumMessageSize != nil || self.messageRate != nil }
}
