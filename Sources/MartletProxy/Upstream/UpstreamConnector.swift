import NIOCore
import NIOPosix

/// Opens connections to upstream servers.
enum UpstreamConnector {
    /// - Parameters:
    ///   - client: the client that a PROXY protocol header names, if the upstream wants one.
    ///   - eventLoop: the caller's, which the connection will live on.
    static func connect(
        to endpoint: Endpoint, of group: UpstreamGroup, client: ProxyProtocolHeader?, isForUpgrade: Bool,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<NIOLoopBound<UpstreamConnection>> {
        let url = endpoint.url
        let settings = group.configuration
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(settings.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: true)
        let connected: EventLoopFuture<any Channel>
        if let address = try? SocketAddress(ipAddress: url.host, port: url.port) {
            connected = bootstrap.connect(to: address)
        } else {
            connected = bootstrap.connect(host: url.host, port: url.port)
        }
        return connected.flatMap { channel -> EventLoopFuture<any Channel> in
            if let version = settings.proxyProtocol, let header = client {
                channel.writeAndFlush(ByteBuffer(bytes: header.encoded(version)), promise: nil)
            }
            guard url.isSecure, let tls = group.tls else { return eventLoop.makeSucceededFuture(channel) }
            let handshake = eventLoop.makePromise(of: Void.self)
            do {
                try channel.pipeline.syncOperations.addHandlers(
                    tls.makeHandler(for: url),
                    TLSHandshakeWaiter(timeout: settings.connectTimeout, promise: handshake))
            } catch {
                channel.close(promise: nil)
                handshake.fail(error)
            }
            return handshake.futureResult.map { channel }
        }.flatMapThrowing { channel in
            do {
                let connection = UpstreamConnection(
                    endpoint: endpoint, channel: channel, isPlainTCP: !url.isSecure, isForUpgrade: isForUpgrade)
                try connection.install()
                return NIOLoopBound(connection, eventLoop: eventLoop)
            } catch {
                channel.close(promise: nil)
                throw error
            }
        }
    }

    /// Makes a channel of a connection over which a whole request for an upgrade has gone already.
    ///
    /// - Parameter ready: called before the first byte of the answer is passed on. The request must be written again,
    ///   so that the decoder knows what is answered; it is not sent.
    static func adopt(
        _ upstream: OpenUpstream, on eventLoop: any EventLoop,
        ready: @escaping (UpstreamConnection) -> Void
    ) -> EventLoopFuture<Void> {
        let ready = NIOLoopBound(ready, eventLoop: eventLoop)
        return ClientBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ReceivedBytesHandler(upstream.received))
                    let connection = UpstreamConnection(
                        endpoint: upstream.endpoint, channel: channel, isPlainTCP: true, isForUpgrade: true)
                    try connection.install()
                    ready.value(connection)
                }
            }
            .withConnectedSocket(upstream.descriptor).map { _ in }
    }
}
