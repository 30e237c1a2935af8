public import HummingbirdCore
public import Logging
import MartletHTTP
import MartletWebSocket
public import NIOCore
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP2
import NIOSSL

/// Hummingbird's HTTPS connection over HTTP/2 or HTTP/1.1, in which any stream or request may become a `WebSocket`.
public struct WebSocketHTTP2Channel: ServerChildChannel, HTTPChannelHandler {
    typealias HTTPChannel = WebSocketChildChannel.HTTPChannel
    typealias Connection = NIOHTTP2Handler.AsyncStreamMultiplexer<Stream>

    /// A stream: plain HTTP, or a WebSocket with a job.
    struct Stream: Sendable {
        let http: EventLoopFuture<HTTPChannel?>
        let job: ConnectionJob
    }

    public struct Value: ServerChildChannelValue {
        public let channel: any Channel
        let negotiated: EventLoopFuture<NIONegotiatedHTTPVersion<WebSocketChildChannel.Value, Connection>>
    }

    private static let maximumConcurrentStreams = 250

    public var responder: HTTPChannelHandler.Responder { self.http1.responder }
    private let http1: WebSocketChildChannel
    private let makeTLSHandler: @Sendable () -> NIOSSLServerHandler

    init(http1: WebSocketChildChannel, tlsConfiguration: TLSConfiguration) throws {
        var configuration = tlsConfiguration
        if configuration.minimumTLSVersion == .tlsv1 || configuration.minimumTLSVersion == .tlsv11 {
            configuration.minimumTLSVersion = .tlsv12  // RFC 9113, section 9.2
        }
        configuration.applicationProtocols = NIOHTTP2SupportedALPNProtocols
        let context = try NIOSSLContext(configuration: configuration)
        self.http1 = http1
        self.makeTLSHandler = { NIOSSLServerHandler(context: context) }
    }

    /// - Parameters:
    ///   - http1: serves the connections over HTTP/1.1, without TLS of its own.
    ///   - tls: its application protocols are those of ``ServerTLS/http2Protocols``.
    init(http1: WebSocketChildChannel, tls: ServerTLS) {
        self.http1 = http1
        self.makeTLSHandler = { tls.makeHandler() }
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        self.setup(channel: channel, logger: logger, place: nil)
    }

    /// - Parameter place: the place of the connection among those of its server; `nil` for a server that does not count
    ///   them here.
    func setup(channel: any Channel, logger: Logger, place: ConnectionPlace?) -> EventLoopFuture<Value> {
        self.http1.connections?.opened(channel)
        WebSocketChildChannel.prepare(channel)
        let openedAt = channel.eventLoop.now
        do {
            try channel.pipeline.syncOperations.addHandlers(
                self.makeTLSHandler(), HandshakeGuard(timeout: self.http1.limits.handshakeTimeout))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return channel.configureHTTP2AsyncSecureUpgrade { channel in
            HandshakeGuard.remove(from: channel)
            return self.http1.setUp(
                channel, logger: logger, place: place, tlsTime: channel.eventLoop.now - openedAt)
        } http2ConnectionInitializer: { channel in
            HandshakeGuard.remove(from: channel)
            return channel.eventLoop.makeCompletedFuture {
                try self.setupConnection(channel, logger, place, tlsTime: channel.eventLoop.now - openedAt)
            }
        }
        .map { Value(channel: channel, negotiated: $0) }
    }

    private func setupConnection(
        _ channel: any Channel, _ logger: Logger, _ place: ConnectionPlace?, tlsTime: TimeAmount
    ) throws -> Connection {
        var http2 = NIOHTTP2Handler.Configuration()
        http2.connection.initialSettings = [
            HTTP2Setting(parameter: .enableConnectProtocol, value: 1),
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.maximumConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: self.http1.limits.maximumHeaderSize),
        ]
        let streams = ConnectionStreams(
            channel, place, firstTimeout: self.http1.limits.handshakeTimeout - tlsTime,
            idleTimeout: self.http1.idleTimeout.map { TimeAmount($0) })
        let bound = NIOLoopBound(streams, eventLoop: channel.eventLoop)
        let connection = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
            mode: .server,
            connectionManagerConfiguration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: .seconds(10), keepalive: nil),
            http2HandlerConfiguration: http2
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try self.setupStream(stream, peer: channel.remoteAddress, bound.value, logger)
            }
        }
        try channel.pipeline.syncOperations.addHandler(streams)
        return connection
    }

    private func setupStream(
        _ stream: any Channel, peer: SocketAddress?, _ streams: ConnectionStreams, _ logger: Logger
    ) throws -> Stream {
        streams.opened(stream)
        let http = stream.eventLoop.makePromise(of: HTTPChannel?.self)
        let job = ConnectionJob(stream)
        let handler = WebSocketStreamUpgradeHandler(
            limits: self.http1.limits, trustedProxies: self.http1.trustedProxies, peer: peer, logger: logger,
            endpoint: self.http1.endpoint(stream, job, logger),
            installHTTPSide: { stream in
                try stream.pipeline.syncOperations.addHandler(
                    HTTPConnectionStateHandler(idleTimeout: self.http1.idleTimeout, logger: logger))
                http.succeed(
                    try HTTPChannel(
                        wrappingChannelSynchronously: stream,
                        configuration: .init(isOutboundHalfClosureEnabled: true)))
                job.none()
            },
            onUpgradeWithoutHTTP: { http.succeed(nil) })
        handler.serve(self.http1.connectionLimiter, streamEndpoint: self.http1.streamEndpoint)
        handler.place = streams.place
        handler.gate = streams.gate
        try stream.pipeline.syncOperations.addHandlers(HTTP2FramePayloadToHTTPServerCodec(), handler)
        return Stream(http: http.futureResult, job: job)
    }

    public func handle(value: Value, logger: Logger) async {
        guard let negotiated = try? await value.negotiated.get() else { return }
        switch negotiated {
        case .http1_1(let connection):
            await self.http1.handle(value: connection, logger: logger)
        case .http2(let connection):
            do {
                try await withThrowingDiscardingTaskGroup { group in
                    for try await stream in connection.inbound {
                        group.addTask { await self.handle(stream, logger) }
                    }
                }
            } catch {
                logger.debug("an HTTP/2 connection broke", metadata: ["error": "\(error)"])
            }
        }
    }

    private func handle(_ stream: Stream, _ logger: Logger) async {
        if let http = try? await stream.http.get() {
            await self.handleHTTP(asyncChannel: http, logger: logger)
        } else {
            await stream.job.run()
        }
    }
}
