public import HummingbirdCore
public import MartletWebSocket

extension HTTPServerBuilder {
    /// An HTTP/1.1 server, any request of which may upgrade to a WebSocket.
    ///
    /// ```swift
    /// let app = Application(router: router, server: .http1WebSocket { request in
    ///     request.path == "/ws" ? endpoint : nil
    /// })
    /// ```
    ///
    /// - Parameters:
    ///   - limits: of requests and the opening handshake.
    ///   - idleTimeout: between requests of a keep-alive connection. Default: 60 s.
    ///   - connections: counts them; wait for ``OpenConnections/allClosed()`` after the application has run.
    ///   - endpoint: what answers a request, or `nil` to give it to the router.
    public static func http1WebSocket(
        limits: HTTPLimits = .init(),
        idleTimeout: Duration? = .seconds(60),
        connections: OpenConnections? = nil,
        endpoint: @escaping WebSocketUpgradeHandler.EndpointLookup
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            WebSocketChildChannel(
                responder: responder,
                limits: limits,
                idleTimeout: idleTimeout,
                connections: connections,
                endpoint: endpoint
            )
        }
    }
}
