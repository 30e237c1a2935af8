package import HTTPTypes
public import HummingbirdCore
public import Logging
import MartletHTTP
package import MartletWebSocket
public import NIOCore
package import NIOHTTP1
public import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL

/// Hummingbird's HTTP/1.1 connection, in which any request may upgrade to a `WebSocket`.
///
/// A connection that upgrades with its first request never has an HTTP side: no async stream, no HTTP handlers remain,
/// and no task unless its handler is one. One that upgrades later keeps the task that served its HTTP requests, which
/// waits for the end.
public struct WebSocketChildChannel: ServerChildChannel, HTTPChannelHandler {
    public typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    /// Makes the endpoint lookup of one connection.
    typealias EndpointSource =
        @Sendable (any Channel, ConnectionJob, Logger) -> WebSocketUpgradeHandler.EndpointLookup

    public struct Value: ServerChildChannelValue {
        public let channel: any Channel
        /// The HTTP side, once a first request turns out to be plain HTTP; `nil` when it upgrades.
        let http: EventLoopFuture<HTTPChannel?>
        let job: ConnectionJob
    }

    public let responder: HTTPChannelHandler.Responder
    let limits: HTTPLimits
    let idleTimeout: Duration?
    let connections: OpenConnections?
    let trustedProxies: TrustedProxies
    private(set) var tls: ServerTLS?
    let endpoint: EndpointSource
    let connectionLimiter: ConnectionLimiter?
    /// Returns the endpoint for a request that is answered with a stream.
    let streamEndpoint: @Sendable (HTTPRequest) -> StreamEndpoint?
    /// Returns the endpoint for a request that is answered at once.
    let requestEndpoint: @Sendable (HTTPRequestHead) -> RequestEndpoint?

    init(
        responder: @escaping HTTPChannelHandler.Responder,
        limits: HTTPLimits,
        idleTimeout: Duration?,
        connections: OpenConnections?,
        trustedProxies: TrustedProxies,
        tls: ServerTLS?,
        connectionLimiter: ConnectionLimiter? = nil,
        streamEndpoint: @escaping @Sendable (HTTPRequest) -> StreamEndpoint? = { _ in nil },
        requestEndpoint: @escaping @Sendable (HTTPRequestHead) -> RequestEndpoint? = { _ in nil },
        endpoint: @escaping EndpointSource
    ) {
        self.responder = responder
        self.limits = limits
        self.idleTimeout = idleTimeout
        self.connections = connections
        self.trustedProxies = trustedProxies
        self.tls = tls
        self.connectionLimiter = connectionLimiter
        self.streamEndpoint = streamEndpoint
        self.requestEndpoint = requestEndpoint
        self.endpoint = endpoint
    }

    /// Creates the channel for endpoints of the event-loop tier.
    ///
    /// - Parameters:
    ///   - connectionLimiter: limits WebSockets and streams.
    ///   - requestEndpoint: called first, since its answers should be fast.
    ///   - streamEndpoint: called for requests that `endpoint` does not take.
    package init(
        responder: @escaping HTTPChannelHandler.Responder,
        limits: HTTPLimits,
        trustedProxies: TrustedProxies,
        connectionLimiter: ConnectionLimiter,
        requestEndpoint: @escaping @Sendable (HTTPRequestHead) -> RequestEndpoint?,
        streamEndpoint: @escaping @Sendable (HTTPRequest) -> StreamEndpoint?,
        endpoint: @escaping WebSocketUpgradeHandler.EndpointLookup
    ) {
        self.init(
            responder: responder, limits: limits, idleTimeout: .seconds(60), connections: nil,
            trustedProxies: trustedProxies, tls: nil, connectionLimiter: connectionLimiter,
            streamEndpoint: streamEndpoint, requestEndpoint: requestEndpoint
        ) { _, jobs, _ in
            jobs.none()
            return endpoint
        }
    }

    var isSecure: Bool { self.tls != nil }

    func secured(with tls: ServerTLS) -> Self {
        var secured = self
        secured.tls = tls
        return secured
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        self.connections?.opened(channel)
        return channel.eventLoop.makeCompletedFuture { try self.setUpCounted(channel, logger) }
    }

    /// - Parameter place: the place of the connection among those of its server.
    func setUp(_ channel: any Channel, logger: Logger, place: ConnectionPlace) throws -> Value {
        self.connections?.opened(channel)
        return try self.setUpCounted(channel, logger, place: place)
    }

    /// Serves a connection that has agreed on HTTP/1.1 over TLS.
    ///
    /// - Parameter tlsTime: the time that the TLS handshake has taken, of that for the first request.
    func setUp(
        _ channel: any Channel, logger: Logger, place: ConnectionPlace?, tlsTime: TimeAmount
    ) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try self.setUpCounted(channel, logger, place: place, tlsTime: tlsTime)
        }
    }

    /// Sets what every connection has.
    static func prepare(_ channel: any Channel) {
        try? channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)  // not available on a Unix socket
        LoopbackSocket.simplifyIfLoopback(channel)
    }

    private func setUpCounted(
        _ channel: any Channel, _ logger: Logger, place: ConnectionPlace? = nil, tlsTime: TimeAmount? = nil
    ) throws -> Value {
        let http = channel.eventLoop.makePromise(of: HTTPChannel?.self)
        let job = ConnectionJob(channel)
        if tlsTime == nil { Self.prepare(channel) }
        if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
        let isSecure = (try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)) != nil
        let handler = WebSocketUpgradeHandler(
            limits: self.limits, isSecure: isSecure, trustedProxies: self.trustedProxies,
            connectionLimiter: self.connectionLimiter, logger: logger,
            endpoint: self.endpoint(channel, job, logger),
            installHTTPSide: { channel in
                let side = try self.addHTTPSide(to: channel, isSecure: isSecure, logger: logger)
                http.succeed(side.channel)
                return .init(removableHandlers: side.handlers)
            },
            onUpgradeWithoutHTTP: { http.succeed(nil) })
        handler.serve(
            streamEndpoint: self.streamEndpoint, requestEndpoint: self.requestEndpoint,
            idleTimeout: self.idleTimeout.map(TimeAmount.init))
        handler.place = place
        if let tlsTime { handler.tlsIsReady(after: tlsTime) }
        try handler.install(on: channel)
        return Value(channel: channel, http: http.futureResult, job: job)
    }

    private func addHTTPSide(
        to channel: any Channel, isSecure: Bool, logger: Logger
    ) throws -> (channel: HTTPChannel, handlers: [any RemovableChannelHandler]) {
        let codec = HTTP1ToHTTPServerCodec(secure: isSecure)
        let state = HTTPConnectionStateHandler(idleTimeout: self.idleTimeout, logger: logger)
        try channel.pipeline.syncOperations.addHandlers(codec, state)
        let http = try HTTPChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        return (http, [codec, state])
    }

    public func handle(value: Value, logger: Logger) async {
        guard let http = try? await value.http.get() else {
            await value.job.run()
            return
        }
        async let job: Void = value.job.run()
        await self.handleHTTP(asyncChannel: http, logger: logger)
        await job
    }
}
