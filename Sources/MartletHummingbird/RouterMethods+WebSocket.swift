import HTTPTypes
public import Hummingbird
public import MartletWebSocket

extension RouterMethods {
    /// Adds a WebSocket route, beside the router's other routes and after the same middleware.
    ///
    /// The server must be built with
    /// ``HummingbirdCore/HTTPServerBuilder/http1WebSocket(router:limits:idleTimeout:connections:trustedProxies:)`` or
    /// ``HummingbirdCore/HTTPServerBuilder/http2WebSocket(router:tlsConfiguration:limits:idleTimeout:connections:trustedProxies:)``.
    ///
    /// ```swift
    /// router.webSocket("chat") { request, context, socket in
    ///     for try await message in socket.messages { try await socket.send(message) }
    /// }
    /// ```
    ///
    /// Middleware runs before the upgrade: an error or a response of it refuses the handshake, and headers that it adds
    /// are part of the answer. A request that is not a WebSocket handshake gets 426.
    ///
    /// - Parameters:
    ///   - origin: the policy that says which pages may connect; asked after the middleware.
    ///   - subprotocols: the subprotocols in the server's order of preference.
    ///   - handler: serves one connection. When it returns, the connection is closed with 1000; when it throws, with
    ///     1011.
    @discardableResult
    public func webSocket(
        _ path: RouterPath = "",
        origin: OriginPolicy = .sameHost,
        subprotocols: [String] = [],
        configuration: WebSocketConfiguration = .init(),
        handler: @escaping @Sendable (Request, Context, WebSocketConnection) async throws -> Void
    ) -> Self {
        self.on(path, method: .get) { request, context -> Response in
            guard let slot = UpgradeSlot.current else {
                return Response(
                    status: .upgradeRequired, headers: [.upgrade: "websocket", .connection: "Upgrade"],
                    body: .init(byteBuffer: .init(string: "this is a WebSocket endpoint")))
            }
            let logger = context.logger
            let jobs = slot.jobs
            slot.endpoint = WebSocketEndpoint(
                configuration: configuration, origin: origin, subprotocols: subprotocols
            ) { upgrade, _ in
                WebSocketConnection.makeHandler { connection in
                    jobs.start {
                        await withTaskExecutorPreference(connection.taskExecutor) {
                            await connection.serve(upgrade, logger: logger) { _, socket in
                                try await handler(request, context, socket)
                            }
                        }
                    }
                }
            }
            return Response(status: .switchingProtocols)
        }
    }
}
