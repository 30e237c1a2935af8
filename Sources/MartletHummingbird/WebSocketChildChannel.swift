public import HummingbirdCore
public import Logging
import MartletWebSocket
public import NIOCore
import NIOHTTP1
public import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Hummingbird's HTTP/1.1 connection, in which any request may upgrade to a ``WebSocket``.
///
/// A connection that upgrades with its first request never has an HTTP side: no task, no async stream, no HTTP handlers
/// remain. One that upgrades later keeps the task that served its HTTP requests, which waits for the end.
public struct WebSocketChildChannel: ServerChildChannel, HTTPChannelHandler {
    public typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    public struct Value: ServerChildChannelValue {
        public let channel: any Channel
        /// The HTTP side, once a first request turns out to be plain HTTP; `nil` when it upgrades.
        let http: EventLoopFuture<HTTPChannel?>
    }

    public let responder: HTTPChannelHandler.Responder
    private let limits: HTTPLimits
    private let idleTimeout: Duration?
    private let connections: OpenConnections?
    private let endpoint: WebSocketUpgradeHandler.EndpointLookup

    init(
        responder: @escaping HTTPChannelHandler.Responder,
        limits: HTTPLimits,
        idleTimeout: Duration?,
        connections: OpenConnections?,
        endpoint: @escaping WebSocketUpgradeHandler.EndpointLookup
    ) {
        self.responder = responder
        self.limits = limits
        self.idleTimeout = idleTimeout
        self.connections = connections
        self.endpoint = endpoint
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        self.connections?.opened(channel)
        return channel.eventLoop.makeCompletedFuture {
            let http = channel.eventLoop.makePromise(of: HTTPChannel?.self)
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            let handler = WebSocketUpgradeHandler(
                limits: self.limits, isSecure: false, logger: logger, endpoint: self.endpoint,
                installHTTPSide: { channel in
                    let side = try self.addHTTPSide(to: channel, logger: logger)
                    http.succeed(side.channel)
                    return .init(removableHandlers: side.handlers)
                },
                onUpgradeWithoutHTTP: { http.succeed(nil) })
            try handler.install(on: channel)
            return Value(channel: channel, http: http.futureResult)
        }
    }

    private func addHTTPSide(
        to channel: any Channel, logger: Logger
    ) throws -> (channel: HTTPChannel, handlers: [any RemovableChannelHandler]) {
        let codec = HTTP1ToHTTPServerCodec(secure: false)
        let state = HTTPConnectionStateHandler(idleTimeout: self.idleTimeout, logger: logger)
        try channel.pipeline.syncOperations.addHandlers(codec, state)
        let http = try HTTPChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        return (http, [codec, state])
    }

    public func handle(value: Value, logger: Logger) async {
        guard let http = try? await value.http.get() else { return }
        await self.handleHTTP(asyncChannel: http, logger: logger)
    }
}
