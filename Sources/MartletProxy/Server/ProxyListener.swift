import Logging
import MartletWebSocket
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// A listening socket, and the pipelines of the connections that it accepts.
final class ProxyListener: Sendable {
    private static let maximumConcurrentStreams = 250

    let configuration: ListenerConfiguration
    private let limits: ClientConfiguration
    private let connectionLimit: Int
    let tls: ServerTLS?
    private let core: ProxyCore
    private let loops: [ObjectIdentifier: ProxyLoopHandle]

    init(
        _ configuration: ListenerConfiguration, limits: ClientConfiguration, connectionLimit: Int, core: ProxyCore,
        loops: [ObjectIdentifier: ProxyLoopHandle]
    ) throws {
        self.configuration = configuration
        self.limits = limits
        self.connectionLimit = connectionLimit
        self.core = core
        self.loops = loops
        do {
            self.tls = try configuration.tls.map {
                try ServerTLS(
                    certificateFile: $0.certificate, keyFile: $0.key,
                    applicationProtocols: configuration.isHTTP2Allowed
                        ? ServerTLS.http2Protocols : ServerTLS.http1Protocols)
            }
        } catch {
            throw ProxyError(
                .file, reason: "listener \(configuration.address): its TLS files cannot be used", cause: error)
        }
    }

    /// Whether a listener with these settings and limits would be the same.
    func isSame(as settings: ListenerConfiguration, limits: ClientConfiguration) -> Bool {
        self.configuration.tls == settings.tls && self.configuration.isHTTP2Allowed == settings.isHTTP2Allowed
            && self.configuration.expectsProxyProtocol == settings.expectsProxyProtocol
            && self.configuration.trustedProxies == settings.trustedProxies && self.limits == limits
    }

    /// Whether connections are accepted by the reactors: nothing comes before the first request.
    private var isDirect: Bool { self.tls == nil && !self.configuration.expectsProxyProtocol }

    /// - Parameter socket: one that listens at the address already, and is taken over; `nil` for a new one.
    func bind(_ group: any EventLoopGroup, takingOver socket: CInt? = nil) async throws -> BoundListener {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: BoundListener.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: !self.isDirect)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without descriptors left, NIO would try again at once and for ever.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
            }
        do {
            let address = self.configuration.address
            let channel =
                if let socket {
                    try await BoundListener.withBacklog(bootstrap.withBoundSocket(socket).get())
                } else {
                    try await bootstrap.bind(host: address.host, port: address.port).get()
                }
            guard self.isDirect else { return BoundListener(self, channel) }
            do {
                return try await BoundListener(self, channel, self.core.reactors, self.makeDirectContext(group))
            } catch {
                try? await channel.close()
                throw error
            }
        } catch {
            throw ProxyError(.bind, reason: "cannot listen on \(self.configuration.address)", cause: error)
        }
    }

    private func makeDirectContext(_ group: any EventLoopGroup) -> DirectContext {
        DirectContext(
            core: self.core, listener: self.configuration, limits: self.limits, connectionLimit: self.connectionLimit
        ) { self.take($0, on: group.next()) }
    }

    /// Goes on with a connection that a reactor has accepted.
    private func take(_ accepted: AcceptedConnection, on eventLoop: any EventLoop) {
        let wasSetUp = Mutex(false)
        let count = self.core.connections
        ClientBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ReceivedBytesHandler(accepted.received))
                    guard accepted.isAdmitted else { return try self.setUp(channel) }
                    guard let loop = self.loops[ObjectIdentifier(channel.eventLoop)]?.value else { return }
                    wasSetUp.withLock { $0 = true }
                    let client = self.makeClient(
                        loop, accepted.peer, nil, isHTTP2: false, count: count, accepted: accepted)
                    if self.core.isDraining { client.noteDrain() }
                    try client.install(on: channel)
                    if self.core.isStopped { throw ChannelError.ioOnClosedChannel }
                }
            }
            .withConnectedSocket(accepted.descriptor)
            .whenFailure { _ in
                guard accepted.isAdmitted, !wasSetUp.withLock({ $0 }) else { return }
                count.ended()
                accepted.begun?.abandon()
            }
    }

    private func setUp(_ channel: any Channel) throws {
        guard let loop = self.loops[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ProxyError(.system, reason: "a connection on an event loop that is not the proxy's")
        }
        guard !self.core.isDraining, self.core.connections.admit(atMost: self.connectionLimit) else {
            ProxyMetrics.refusedConnection(.limit)
            self.core.logger.warning(
                "refused a connection: too many connections", metadata: ["limit": "\(self.connectionLimit)"])
            if self.tls == nil, !self.configuration.expectsProxyProtocol {
                try channel.pipeline.syncOperations.addHandler(OverloadHandler())
                return
            }
            channel.close(promise: nil)
            return
        }
        guard self.configuration.expectsProxyProtocol else {
            try self.setUp(channel, loop, header: nil)
            return
        }
        let pipeline = channel.pipeline.syncOperations
        let logger = self.core.logger
        try pipeline.addHandler(
            ProxyProtocolHandler(timeout: self.limits.headerTimeout) { header in
                do {
                    try self.setUp(channel, loop, header: header)
                } catch {
                    self.core.connections.ended()
                    channel.close(promise: nil)
                }
            } onFailure: { reason in
                self.core.connections.ended()
                ProxyMetrics.refusedConnection(.proxyProtocol)
                logger.info(
                    "refused a connection",
                    metadata: ["reason": "\(reason)", "address": "\(channel.remoteAddress?.text ?? "-")"])
            })
    }

    private func setUp(_ channel: any Channel, _ loop: ProxyLoop, header: ProxyProtocolHeader?) throws {
        let peer = channel.remoteAddress
        let pipeline = channel.pipeline.syncOperations
        guard let tls = self.tls else {
            try self.makeClient(loop, peer, header, isHTTP2: false, count: self.core.connections).install(on: channel)
            return
        }
        let bound = NIOLoopBound(loop, eventLoop: channel.eventLoop)
        let count = self.core.connections
        channel.closeFuture.whenComplete { _ in count.ended() }
        let guardTimer = channel.eventLoop.scheduleTask(in: self.limits.headerTimeout) { channel.close(promise: nil) }
        try pipeline.addHandler(tls.makeHandler())
        try pipeline.addHandler(
            ApplicationProtocolNegotiationHandler { result, channel in
                guardTimer.cancel()
                return channel.eventLoop.makeCompletedFuture {
                    if case .negotiated("h2") = result {
                        try self.setUpHTTP2(channel, bound.value, peer, header)
                    } else {
                        try self.makeClient(bound.value, peer, header, isHTTP2: false, count: nil).install(on: channel)
                    }
                }
            })
    }

    private func makeClient(
        _ loop: ProxyLoop, _ peer: SocketAddress?, _ header: ProxyProtocolHeader?, isHTTP2: Bool,
        count: ConnectionCount?, accepted: AcceptedConnection? = nil
    ) -> ClientConnection {
        ClientConnection(
            loop: loop, listener: self.configuration, limits: self.limits, peer: peer, header: header,
            isSecure: self.tls != nil, isHTTP2: isHTTP2, connectionCount: count,
            accepted: accepted)
    }

    private func setUpHTTP2(
        _ channel: any Channel, _ loop: ProxyLoop, _ peer: SocketAddress?, _ header: ProxyProtocolHeader?
    ) throws {
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.maximumConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: self.limits.maximumHeaderSize),
        ]
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: .seconds(10), keepalive: nil))
        let bound = NIOLoopBound(loop, eventLoop: channel.eventLoop)
        let connection = HTTP2Connection(channel, idleTime: self.limits.keepAliveTimeout)
        loop.opened(connection)
        channel.closeFuture.assumeIsolated().whenComplete { _ in bound.value.closed(connection) }
        try channel.pipeline.syncOperations.addHandler(
            NIOHTTP2Handler(
                mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: configuration.connection,
                streamConfiguration: configuration.stream, streamDelegate: management.http2StreamDelegate
            ) { stream in
                stream.eventLoop.makeCompletedFuture {
                    try stream.pipeline.syncOperations.addHandlers(
                        HTTP2AuthorityHandler(), HTTP2FramePayloadToHTTP1ServerCodec())
                    try self.makeClient(bound.value, peer, header, isHTTP2: true, count: nil).install(on: stream)
                }
            })
        try channel.pipeline.syncOperations.addHandlers(management, connection)
    }
}
