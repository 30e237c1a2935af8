import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One end of a tunnel on a channel of NIO: over TLS, or as a stream of HTTP/2. The last handler of its pipeline.
final class ChannelLeg: ChannelDuplexHandler, TunnelLeg {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let side: TunnelSide
    private let channel: any Channel
    /// Set once, before the first event. The tunnel owns its legs.
    weak var tunnel: Tunnel<ChannelLeg>?
    private var context: ChannelHandlerContext?
    private var isReading = true
    private var readIsHeldBack = false
    private var wasBackedUp = false
    private var hasEndedOutput = false

    init(side: TunnelSide, channel: any Channel) {
        self.side = side
        self.channel = channel
    }

    private static func now() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds) }

    // MARK: TunnelLeg

    var isBackedUp: Bool {
        guard self.channel.isActive, !self.channel.isWritable else { return false }
        self.wasBackedUp = true
        return true
    }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard let context = self.context, !self.hasEndedOutput else { return }
        context.writeAndFlush(self.wrapOutboundOut(self.channel.allocator.buffer(bytes: bytes)), promise: nil)
    }

    func setReading(_ isReading: Bool) {
        self.isReading = isReading
        guard isReading, self.readIsHeldBack, let context = self.context else { return }
        self.readIsHeldBack = false
        context.read()
    }

    func endOutput() {
        guard !self.hasEndedOutput else { return }
        self.hasEndedOutput = true
        self.context?.close(mode: .output, promise: nil)
    }

    func abort() {
        // With no time to linger, the kernel sends a reset.
        _ = (self.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        self.channel.close(promise: nil)
    }

    func close() { self.channel.close(promise: nil) }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.unwrapInboundIn(data).withUnsafeReadableBytes {
            self.tunnel?.received($0, from: self.side, now: Self.now())
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.isReading { context.read() } else { self.readIsHeldBack = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, self.wasBackedUp {
            self.wasBackedUp = false
            self.tunnel?.drained(self.side)
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { self.tunnel?.inputEnded(self.side) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.tunnel?.disconnected(self.side)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.tunnel?.failed(self.side) }
}
