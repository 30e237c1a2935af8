import NIOCore

/// A tunnel between two channels of one event loop.
final class ChannelTunnel: LoopWebSocket {
    private let tunnel: Tunnel<ChannelLeg>

    /// Puts the legs at the ends of the channels' pipelines, which hold nothing else above the transport.
    init(
        client: any Channel, upstream: any Channel, policy: TunnelPolicy, isCompressed: Bool, loop: ProxyLoop,
        onEnd: @escaping (TunnelSummary) -> Void
    ) throws {
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
        ended = { [weak self, weak loop] in if let self { loop?.closed(self) } }
        clientLeg.tunnel = self.tunnel
        upstreamLeg.tunnel = self.tunnel
        try client.pipeline.syncOperations.addHandler(clientLeg)
        try upstream.pipeline.syncOperations.addHandler(upstreamLeg)
        loop.opened(self)
    }

    /// Bytes that the upstream sent before the tunnel was there.
    func passOn(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        bytes.withUnsafeReadableBytes {
            self.tunnel.received($0, from: .upstream, now: Int64(NIODeadline.now().uptimeNanoseconds))
        }
    }

    var isClosing: Bool { self.tunnel.isClosing }
    func tick(now: Int64) { self.tunnel.tick(now: now) }
    func drain() { self.tunnel.drain(now: Int64(NIODeadline.now().uptimeNanoseconds)) }
    func abort() { self.tunnel.failed(.upstream) }
}
