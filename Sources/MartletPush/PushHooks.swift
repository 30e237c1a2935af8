public import HTTPTypes
public import NIOCore

/// The two decisions that the application makes. Both may wait; neither runs on an event loop.
public struct PushHooks: Sendable {
    /// Who a token stands for.
    ///
    /// - Returns: the user's id, or `nil` to refuse: the connection is closed with 1008.
    public typealias Authenticate = @Sendable (_ token: String, _ event: String) async -> String?

    /// Whether a request to the HTTP API may do what it asks for. `false` is answered with 401.
    public typealias AuthorizePush = @Sendable (_ request: HTTPRequest, _ remoteAddress: SocketAddress?) async -> Bool

    /// `nil`: the token itself is the user's id.
    public var authenticate: Authenticate?
    /// `nil`: everybody may push.
    public var authorizePush: AuthorizePush?

    public init(authenticate: Authenticate? = nil, authorizePush: AuthorizePush? = nil) {
        self.authenticate = authenticate
        self.authorizePush = authorizePush
    }
}
