public import Hummingbird
public import HummingbirdCore
public import MartletWebSocket
public import NIOSSL

extension HTTPServerBuilder {
    /// Returns an HTTP/1.1 server whose router has WebSocket routes: see
    /// ``Hummingbird/RouterMethods/webSocket(_:origin:subprotocols:configuration:handler:)``.
    ///
    /// ```swift
    /// let app = Application(router: router, server: .http1WebSocket(router: router))
    /// ```
    ///
    /// For TLS: `.http1WebSocket(router: router, tls: certificate)`, or
    /// `.tls(.http1WebSocket(router: router), tlsConfiguration: …)`.
    ///
    /// - Parameters:
    ///   - router: the application's router, to which all routes must have been added before.
    ///   - limits: the limits on requests and the opening handshake.
    ///   - idleTimeout: the time that a keep-alive connection may be idle between requests. Default: 60 s.
    ///   - connections: counts the connections; wait for ``OpenConnections/allClosed()`` after the application has run.
    ///   - trustedProxies: the proxies whose `X-Forwarded-*` headers are trusted.
    ///   - tls: a certificate that is read again when it changes; `nil` for plain TCP.
    public static func http1WebSocket<Context>(
        router: Router<Context>,
        limits: HTTPLimits = .init(),
        idleTimeout: Duration? = .seconds(60),
        connections: OpenConnections? = nil,
        trustedProxies: TrustedProxies = .none,
        tls: ServerTLS? = nil
    ) -> HTTPServerBuilder where Context: InitializableFromSource<ApplicationRequestContextSource> {
        let routing = WebSocketRouting(router)
        return HTTPServerBuilder { responder in
            WebSocketChildChannel(
                responder: responder, limits: limits, idleTimeout: idleTimeout, connections: connections,
                trustedProxies: trustedProxies, tls: tls, endpoint: routing.lookup)
        }
    }

    /// Returns an HTTP/1.1 server, any request of which may upgrade to a WebSocket, on the event-loop tier.
    ///
    /// ```swift
    /// let app = Application(router: router, server: .http1WebSocket { request in
    ///     WebSocketRequest.path(of: request) == "/ws" ? endpoint : nil
    /// })
    /// ```
    ///
    /// - Parameters:
    ///   - limits: the limits on requests and the opening handshake.
    ///   - idleTimeout: the time that a keep-alive connection may be idle between requests. Default: 60 s.
    ///   - connections: counts the connections; wait for ``OpenConnections/allClosed()`` after the application has run.
    ///   - trustedProxies: the proxies whose `X-Forwarded-*` headers are trusted.
    ///   - tls: a certificate that is read again when it changes; `nil` for plain TCP.
    ///   - endpoint: returns the endpoint for a request, or `nil` to pass it to the router.
    public static func http1WebSocket(
        limits: HTTPLimits = .init(),
        idleTimeout: Duration? = .seconds(60),
        connections: OpenConnections? = nil,
        trustedProxies: TrustedProxies = .none,
        tls: ServerTLS? = nil,
        endpoint: @escaping WebSocketUpgradeHandler.EndpointLookup
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            WebSocketChildChannel(
                responder: responder, limits: limits, idleTimeout: idleTimeout, connections: connections,
                trustedProxies: trustedProxies, tls: tls
            ) { _, jobs, _ in
                jobs.none()
                return endpoint
            }
        }
    }

    /// Returns an HTTPS server that speaks HTTP/2 and HTTP/1.1, as ALPN decides, whose router has WebSocket routes.
    /// Over HTTP/2 a WebSocket is a stream beside others (RFC 8441).
    ///
    /// - Parameters: as for ``http1WebSocket(router:limits:idleTimeout:connections:trustedProxies:)``.
    ///   - tlsConfiguration: its `applicationProtocols` are set.
    public static func http2WebSocket<Context>(
        router: Router<Context>,
        tlsConfiguration: TLSConfiguration,
        limits: HTTPLimits = .init(),
        idleTimeout: Duration? = .seconds(60),
        connections: OpenConnections? = nil,
        trustedProxies: TrustedProxies = .none
    ) throws -> HTTPServerBuilder where Context: InitializableFromSource<ApplicationRequestContextSource> {
        let routing = WebSocketRouting(router)
        return HTTPServerBuilder { responder in
            try WebSocketHTTP2Channel(
                http1: WebSocketChildChannel(
                    responder: responder, limits: limits, idleTimeout: idleTimeout, connections: connections,
                    trustedProxies: trustedProxies, tls: nil, endpoint: routing.lookup),
                tlsConfiguration: tlsConfiguration)
        }
    }
}
