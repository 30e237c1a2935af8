import NIOCore

/// A tunnel between two channels of one event loop.
final class ChannelTunnel: LoopWebSocket {
    private let tunnel: Tunnel<ChannelLeg>
    private weak var loop: ProxyLoop?

    /// - Parameters:
    ///   - client: a channel whose pipeline holds nothing above the transport.
    ///   - upstream: likewise.
    init(
        client: any Channel, upstream: any Channel, policy: TunnelPolicy, isCompressed: Bool, loop: ProxyLoop,
        onEnd: @escaping (TunnelSummary) -> Void
    ) {
        let clientLeg = ChannelLeg(side: .client, channel: client)
        let upstreamLeg = ChannelLeg(side: .upstream, channel: upstream)
        var ended: () -> Void = {}
        self.tunnel = Tunnel(
            client: clientLeg, upstream: upstreamLeg, policy: policy, isCompressed: isCompressed,
            now: Int64(NIODeadline.now().uptimeNanoseconds)
        ) { summary in
            ended()
            onEnd(summary)
        }
        ended = { [weak self] in if let self { self.loop?.closed(self) } }
        clientLeg.tunnel = self.tunnel
        upstreamLeg.tunnel = self.tunnel
        self.loop = loop
    }

    /// Puts the legs at the ends of the pipelines.
    ///
    /// - Throws: when a channel has closed; then the tunnel has not begun.
    func start() throws {
        try self.tunnel.client.install()
        try self.tunnel.upstream.install()
        self.loop?.opened(self)
    }

    var isClosing: Bool { self.tunnel.isClosing }
    func tick(now: Int64) { self.tunnel.tick(now: now) }
    func drain() { self.tunnel.drain(now: Int64(NIODeadline.now().uptimeNanoseconds)) }
    func abort() { self.tunnel.stop() }
}
