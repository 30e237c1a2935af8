public import NIOCore

/// What answers at one path of a server.
public struct WebSocketEndpoint: Sendable {
    /// Makes the handler of a new connection, on its event loop.
    public typealias HandlerFactory = @Sendable (WebSocketRequest, any EventLoop) -> any WebSocketHandler

    public var configuration: WebSocketConfiguration
    /// Which pages may connect. Default: ``OriginPolicy/sameHost``.
    public var origin: OriginPolicy
    /// Subprotocols in the server's order of preference. Default: none.
    public var subprotocols: [String]
    /// Asked before the upgrade, after every other check. Default: everybody may connect.
    public var authorize: (@Sendable (WebSocketRequest) async -> WebSocketAuthorization)?
    public var makeHandler: HandlerFactory
    /// Instead of the server's. Default: `nil`, the server's.
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
