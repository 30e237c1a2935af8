public import MartletWebSocket
public import NIOCore

/// The rules of a route for WebSockets. By default they are tunnelled: bytes go through untouched.
public struct WebSocketPolicy: Sendable {
    /// Whether WebSockets are allowed. Default: `true`; otherwise an opening handshake gets 403.
    public var isAllowed = true
    /// The origins whose pages may connect. Default: `nil`, the upstream's business.
    public var origin: OriginPolicy?
    /// Subprotocols that may be offered; others are taken out of the offer, and one who offers only others gets 400.
    /// Default: `nil`, any.
    public var subprotocols: [String]?
    /// Bytes of a client's message on the wire; beyond it 1009. Default: `nil`, no limit.
    public var maximumMessageSize: Int?
    /// Messages a second from a client on average; beyond it 1008. Default: `nil`, no limit.
    public var messageRate: Double?
    /// Messages that may come at once. Default: what a second allows.
    public var messageBurst: Double?
    /// A client from which nothing came for this long is pinged. Its pong reaches the upstream too, which ignores it (RFC
    /// 6455, section 5.5.3). Default: `nil`, never.
    public var pingInterval: TimeAmount?
    /// The longest time that a pong may take; beyond it the connection is ended. Default: 20 s.
    public var pingTimeout: TimeAmount = .seconds(20)
    /// The longest time without a byte in either direction; beyond it both sides get 1001. Default: `nil`, never; TCP
    /// keepalive finds dead peers.
    public var idleTimeout: TimeAmount?
    /// Whether messages are compressed towards clients that can, and plain towards the upstream. The proxy then ends the
    /// WebSocket and opens one of its own: messages are limited by ``maximumMessageSize``, 1 MiB without it. Default: no.
    public var isCompressed = false
    /// The check of a token before the upstream sees an opening handshake. Default: `nil`, none.
    public var authenticate: Authentication?

    public init() {}

    /// Checks a token: `Authorization: Bearer`, the query's `token` (which is then taken out), or a subprotocol
    /// `bearer.TOKEN` (likewise).
    public struct Authentication: Sendable {
        /// The header in which the upstream sees the user. The client's own headers of that name are dropped.
        public var userHeader: String?
        /// - Returns: the user, or `nil` when the token is not valid.
        /// - Throws: when that cannot be told at the moment: the client gets 503.
        public var user: @Sendable (_ token: String) async throws -> String?

        public init(
            userHeader: String? = "X-User", user: @escaping @Sendable (_ token: String) async throws -> String?
        ) {
            self.userHeader = userHeader
            self.user = user
        }
    }
}
