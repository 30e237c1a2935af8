public import NIOCore

/// An endpoint for WebSockets at one path of a server.
public struct WebSocketEndpoint: Sendable {
    /// Makes the handler of a new connection, on its event loop.
    public typealias HandlerFactory = @Sendable (WebSocketRequest, any EventLoop) -> any WebSocketHandler

    public var configuration: WebSocketConfiguration
    /// The policy that says which pages may connect. Default: ``OriginPolicy/sameHost``.
    public var origin: OriginPolicy
    /// The subprotocols in the server's order of preference. Default: none.
    public var subprotocols: [String]
    /// The hook that is asked before the upgrade, after every other check. Default: `nil`, every client may connect.
    public var authorize: (@Sendable (WebSocketRequest) async -> WebSocketAuthorization)?
    public var makeHandler: HandlerFactory
    /// The limiter, in place of the server's. Default: `nil`, the server's.
    package var connectionLimiter: ConnectionLimiter?

    public init(
        configuration: WebSocketConfiguration = .init(),
        origin: OriginPolicy = .sameHost,
        subprotocols: [String] = [],
        authorize: (@Sendable (WebSocketRequest) async -> WebSocketAuthorization)? = nil,
        makeHandler: @escaping HandlerFactory
    ) {
        self.configuration = configuration
        self.origin = origin
        self.subprotocols = subprotocols
        self.authorize = authorize
        self.makeHandler = makeHandler
    }
}
