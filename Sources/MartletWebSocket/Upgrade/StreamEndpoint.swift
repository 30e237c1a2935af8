package import HTTPTypes
package import MartletHTTP
package import NIOCore

/// A `StreamEndpoint` answers a request with bytes that end with the connection, such as an event stream, on the
/// event-loop tier: no task and no HTTP handler remains.
package struct StreamEndpoint: Sendable {
    package enum HTTPVersion: Sendable, Hashable {
        case http1
        case http2
    }

    package enum Decision: Sendable {
        /// The request is accepted. The function makes the handler that has the connection from here on, or its stream of
        /// HTTP/2, on its event loop. Over HTTP/1.1 the handler writes the whole answer; over HTTP/2 the head has been
        /// written by then, with these headers.
        case open(HTTPFields, @Sendable (any EventLoop, HTTPVersion) -> any ChannelHandler)
        case refuse(Refusal)
    }

    package var decide: @Sendable (WebSocketRequest) async -> Decision

    /// The policy that says which pages may ask. Default: `nil`, all.
    package var origin: OriginPolicy?

    /// The function to call when a request is refused because of ``origin``.
    package var onOriginRefusal: @Sendable () -> Void

    /// The limiter, in place of the server's. Default: `nil`, the server's.
    package var connectionLimiter: ConnectionLimiter?

    /// Further headers of a refusal that comes before ``decide`` is called.
    package var refusalFields: HTTPFields = [:]

    /// The function that makes the answer to a refused request of what was to be answered, for clients that take one in
    /// another form only. The refusal itself is logged.
    package var answerToRefusal: @Sendable (Refusal, HTTPRequest) -> Refusal = { refusal, _ in refusal }

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
