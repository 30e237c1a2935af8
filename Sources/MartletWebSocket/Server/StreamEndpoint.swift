package import HTTPTypes
package import NIOCore

/// Answers a request with bytes that end with the connection, such as an event stream, on the event-loop tier: no task and
/// no HTTP handler remains.
package struct StreamEndpoint: Sendable {
    package enum Decision: Sendable {
        /// The handler that has the connection from here on, made on its event loop. It writes the whole answer, head
        /// included.
        case open(@Sendable (any EventLoop) -> any ChannelHandler)
        case refuse(HTTPResponse.Status, HTTPFields, reason: String)
    }

    package var decide: @Sendable (WebSocketRequest) async -> Decision

    /// Instead of the server's. Default: `nil`, the server's.
    package var connectionLimiter: ConnectionLimiter?

    /// Of the answer to a request that the limiter refuses.
    package var refusalFields: HTTPFields = [:]

    package init(
        connectionLimiter: ConnectionLimiter? = nil, refusalFields: HTTPFields = [:],
        decide: @escaping @Sendable (WebSocketRequest) async -> Decision
    ) {
        self.decide = decide
        self.connectionLimiter = connectionLimiter
        self.refusalFields = refusalFields
    }
}
