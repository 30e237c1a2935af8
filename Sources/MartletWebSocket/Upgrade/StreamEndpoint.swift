package import HTTPTypes
package import MartletHTTP
package import NIOCore

/// A `StreamEndpoint` answers a request with bytes that end with the connection, such as an event stream, on the event-loop tier:
/// no task and no HTTP handler remains.
package struct StreamEndpoint: Sendable {
    package enum Decision: Sendable {
        /// The handler that has the connection from here on, made on its event loop. It writes the whole answer, head
        /// included.
        case open(@Sendable (any EventLoop) -> any ChannelHandler)
        case refuse(Refusal)
    }

    package var decide: @Sendable (WebSocketRequest) async -> Decision

    /// Which pages may ask. Default: `nil`, all.
    package var origin: OriginPolicy?

    /// Called when ``origin`` is why a request is refused.
    package var onOriginRefusal: @Sendable () -> Void

    /// In place of the server's limiter. Default: `nil`, the server's.
    package var connectionLimiter: ConnectionLimiter?

    /// Further headers of an answer that says no before ``decide`` is asked.
    package var refusalFields: HTTPFields = [:]

    package init(
        origin: OriginPolicy? = nil, onOriginRefusal: @escaping @Sendable () -> Void = {},
        connectionLimiter: ConnectionLimiter? = nil, refusalFields: HTTPFields = [:],
        decide: @escaping @Sendable (WebSocketRequest) async -> Decision
    ) {
        self.decide = decide
        self.origin = origin
        self.onOriginRefusal = onOriginRefusal
        self.connectionLimiter = connectionLimiter
        self.refusalFields = refusalFields
    }
}
