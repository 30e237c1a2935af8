import Logging
import MartletProtocol
import MartletWebSocket
import NIOCore
import NIOHTTP1

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The step between the upstream's 101 and the tunnel: the client gets its 101, the HTTP handlers leave both
/// connections, and a tunnel or a ``WebSocketRelay`` takes them over.
final class Switchover {
    private let exchange: UpgradeExchange
    private let client: ClientConnection
    private let upstream: UpstreamConnection
    private let handshake: ServerHandshake
    private let bytesFromUpstream: ByteBuffer
    private let isCompressed: Bool
    private let loop: ProxyLoop

    init(
        exchange: UpgradeExchange, client: ClientConnection, upstream: UpstreamConnection,
        handshake: ServerHandshake, bytesFromUpstream: ByteBuffer, isCompressed: Bool
    ) {
        self.exchange = exchange
        self.client = client
        self.upstream = upstream
        self.handshake = handshake
        self.bytesFromUpstream = bytesFromUpstream
        self.isCompressed = isCompressed
        self.loop = client.loop
    }

    /// Sends the 101 to the client, then joins the connections.
    ///
    /// - Parameter headers: the headers of the answer to the client.
    func begin(_ headers: HTTPHeaders) {
        guard let context = self.client.context else { return self.upstream.close() }
        var headers = headers
        var compression: DeflateParameters?
        if self.exchange.route.configuration.webSocket.isCompressed,
            let accepted = DeflateParameters.accept(
                self.handshake.offeredExtensions, configuration: CompressionConfiguration())
        {
            headers.add(name: "Sec-WebSocket-Extensions", value: accepted.answer.description)
            compression = accepted.parameters
        }
        let subprotocol = headers.first(name: "sec-websocket-protocol")
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result, let context = self.client.context, context.channel.isActive,
                self.upstream.channel.isActive
            else {
                self.client.abort()
                self.upstream.close()
                return
            }
            self.switchOver(context.channel, compression, subprotocol)
        }
        self.client.write(
            .head(.init(version: .http1_1, status: .switchingProtocols, headers: headers)))
        context.writeAndFlush(self.client.wrapOutboundOut(.end(nil)), promise: promise)
    }

    private func switchOver(_ channel: any Channel, _ compression: DeflateParameters?, _ subprotocol: String?) {
        let route = self.exchange.route.configuration
        let onEnd = self.makeOnEnd()
        let isPlain = !self.client.peer.isSecure && !self.client.peer.isHTTP2 && self.upstream.isPlainTCP
        if !route.webSocket.isCompressed, isPlain {
            self.handOver(channel, to: self.loop.reactor, onEnd: onEnd)
            return
        }
        self.client.leaveHTTP()
        channel.pipeline.syncOperations.removeHandler(self.client, promise: nil)
        for channel in [channel, self.upstream.channel] {
            try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                TunnelSocketOptions.enableKeepAlive($0)
            }
        }
        self.upstream.leaveHTTP().assumeIsolated().whenComplete { _ in
            do {
                guard channel.isActive, self.upstream.channel.isActive else {
                    throw ChannelError.ioOnClosedChannel
                }
                self.upstream.putBack(self.bytesFromUpstream)
                if route.webSocket.isCompressed {
                    // A WebSocket knows no half-closed connections.
                    for channel in [channel, self.upstream.channel] {
                        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
                    }
                    let relay = WebSocketRelay(policy: route.webSocket, loop: self.loop, onEnd: onEnd)
                    try relay.start(
                        client: channel, isClientPlain: !self.client.peer.isSecure, compression: compression,
                        upstream: self.upstream.channel, isUpstreamPlain: self.upstream.isPlainTCP,
                        subprotocol: subprotocol)
                } else {
                    try ChannelTunnel(
                        client: channel, upstream: self.upstream.channel, policy: self.exchange.route.tunnelPolicy,
                        isCompressed: self.isCompressed, loop: self.loop, onEnd: onEnd
                    ).start()
                }
                let hasInputEnded = self.upstream.hasInputEnded
                self.upstream.release()
                if hasInputEnded, route.webSocket.isCompressed { self.upstream.channel.close(promise: nil) }
                channel.read()
                self.upstream.channel.read()
            } catch {
                channel.close(promise: nil)
                self.upstream.close()
                onEnd(TunnelSummary())
            }
        }
    }

    // MARK: To the reactor

    private func handOver(
        _ channel: any Channel, to reactor: TunnelReactor, onEnd: @escaping @Sendable (TunnelSummary) -> Void
    ) {
        let client = Self.duplicate(channel)
        let upstream = Self.duplicate(self.upstream.channel)
        guard client >= 0, upstream >= 0 else {
            if client >= 0 { _ = Glibc.close(client) }
            if upstream >= 0 { _ = Glibc.close(upstream) }
            self.loop.core.logger.error("cannot open a tunnel: no file descriptors are left")
            self.client.abort()
            self.upstream.close()
            onEnd(TunnelSummary())
            return
        }
        var bytes = self.bytesFromUpstream
        var more = self.upstream.takeMoreBytes()
        bytes.writeBuffer(&more)
        let pair = TunnelReactor.Pair(
            client: client, upstream: upstream,
            terms: TunnelTerms(
                policy: self.exchange.route.tunnelPolicy, isCompressed: self.isCompressed,
                fromUpstream: Array(buffer: bytes), onEnd: onEnd))
        self.client.leaveHTTP()
        // NIO lets go of the sockets, which stay open by our descriptors; only then may another thread touch them.
        let upstreamChannel = self.upstream.channel
        channel.close().and(upstreamChannel.close()).whenComplete { _ in reactor.add(pair) }
    }

    /// A second descriptor of a channel's socket, which outlives the channel.
    private static func duplicate(_ channel: any Channel) -> CInt {
        var copy: CInt = -1
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            copy = fcntl($0, F_DUPFD_CLOEXEC, 0)
        }
        guard copy >= 0 else { return -1 }
        TunnelSocketOptions.enableKeepAlive(copy)
        if let address = channel.remoteAddress, LoopbackSocket.isLoopback(address) { LoopbackSocket.simplify(copy) }
        return copy
    }

    // MARK: Accounting

    /// Makes the closure that is to be called once, on any thread, when both connections have been closed.
    private func makeOnEnd() -> @Sendable (TunnelSummary) -> Void {
        TunnelAccount(
            entry: self.exchange.entry, startedAt: self.exchange.startedAt, metrics: self.exchange.route.metrics,
            endpoint: self.exchange.handOver(), connections: self.client.takeConnectionCount(),
            accessLog: self.loop.core.accessLog
        ).open()
    }
}
