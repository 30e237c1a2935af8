public import HTTPTypes
public import NIOCore

/// The decisions that the application makes. They may wait; none runs on an event loop.
public struct PushHooks: Sendable {
    /// A function that returns the user that a token stands for.
    ///
    /// - Returns: `nil` to refuse: a WebSocket is closed with 1008, other requests are answered 401.
    /// - Throws: ``PushUnavailable`` when the token cannot be checked at the moment.
    public typealias Authenticate = @Sendable (_ question: TokenQuestion) async throws -> PushUser?

    /// Whether a request to the HTTP API may do what it asks for. `false` is answered with 401.
    public typealias AuthorizePush = @Sendable (_ request: HTTPRequest, _ remoteAddress: SocketAddress?) async -> Bool

    /// The hook that checks tokens. Default: `nil`, the token itself is the user's id.
    public var authenticate: Authenticate?
    /// The user that clients without a token are. Default: `nil`, they are refused.
    public var anonymousUser: String?
    /// The hook that checks requests to the HTTP API. Default: `nil`, everybody may push.
    public var authorizePush: AuthorizePush?

    public init(
        authenticate: Authenticate? = nil, anonymousUser: String? = nil, authorizePush: AuthorizePush? = nil
    ) {
        self.authenticate = authenticate
        self.anonymousUser = anonymousUser
        self.authorizePush = authorizePush
    }
}
