import CMartletSystem
import NIOCore
import NIOSSL

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
    /// The tunnel, which owns its legs. It is set once, before the first event.
    weak var tunnel: Tunnel<ChannelLeg>?
    private var context: ChannelHandlerContext?
    private var isReading = true
    private var readIsHeldBack = false
    /// Writes that NIO has not finished.
    private var unwritten = 0
    private var endsOutput = false

    init(side: TunnelSide, channel: any Channel) {
        self.side = side
        self.channel = channel
    }

    private static func now() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds) }

    /// Adds the leg to the end of its channel's pipeline.
    func install() throws {
        guard self.channel.isActive else { throw ChannelError.ioOnClosedChannel }
        try self.channel.pipeline.syncOperations.addHandler(self)
    }

    // MARK: TunnelLeg

    var isBackedUp: Bool { self.unwritten > 0 && !self.channel.isWritable }
    var hasUnsentBytes: Bool { self.unwritten > 0 }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard let context = self.context, !self.endsOutput else { return }
        self.unwritten += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.written() }
        context.writeAndFlush(self.wrapOutboundOut(self.channel.allocator.buffer(bytes: bytes)), promise: promise)
    }

    private func written() {
        self.unwritten -= 1
        guard self.unwritten == 0 else { return }
        if self.endsOutput { self.context?.close(mode: .output, promise: nil) }
        self.tunnel?.writable(self.side)
    }

    func setReading(_ isReading: Bool) {
        self.isReading = isReading
        guard isReading, self.readIsHeldBack, let context = self.context else { return }
        self.readIsHeldBack = false
        context.read()
    }

    /// Ends the output behind what NIO has not written yet, which NIO would fail if the peer had ended its half before.
    func endOutput() {
        guard !self.endsOutput else { return }
        self.endsOutput = true
        if self.unwritten == 0 { self.context?.close(mode: .output, promise: nil) }
    }

    func abort() {
        // With no time to linger, the kernel sends a reset.
        _ = (self.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        self.channel.close(promise: nil)
    }

    func close() { self.channel.close(promise: nil) }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.tunnel?.disconnected(self.side)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.unwrapInboundIn(data).withUnsafeReadableBytes {
            self.tunnel?.received($0, from: self.side, now: Self.now())
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.isReading { context.read() } else { self.readIsHeldBack = true }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { self.tunnel?.inputEnded(self.side) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.tunnel?.disconnected(self.side)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many peers end TLS by ending TCP; that end is reported as such.
        if case .uncleanShutdown? = error as? NIOSSLError { return }
        self.tunnel?.failed(self.side)
    }
}
