import DequeModule
import NIOCore

/// One end of a wire between two channels of one event loop: bytes written here are read there, when that end asks for
/// them.
///
/// Like a socket it holds writes back until the peer reads, and tells the peer of the end after everything else.
final class InMemoryWire: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var peer: InMemoryWire?
    private var context: ChannelHandlerContext?
    /// The bytes written here that the peer has not read yet.
    private var unread: Deque<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)> = []
    private var hasEnded = false
    private var wantsRead = false

    static func connect(_ one: InMemoryWire, _ other: InMemoryWire) {
        one.peer = other
        other.peer = one
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.hasEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        self.unread.append((self.unwrapOutboundIn(data), promise))
    }

    func flush(context: ChannelHandlerContext) { self.peer?.deliverSoon() }

    func read(context: ChannelHandlerContext) {
        self.wantsRead = true
        self.deliverSoon()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        self.hasEnded = true
        self.peer?.deliverSoon()
        if mode == .all {
            context.close(promise: promise)
        } else {
            promise?.succeed()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.hasEnded = true
        for (_, promise) in self.unread { promise?.fail(ChannelError.ioOnClosedChannel) }
        self.unread = []
        self.peer?.deliverSoon()
        context.fireChannelInactive()
    }

    /// Delivers in a later turn of the event loop, as a socket would.
    private func deliverSoon() { self.context?.eventLoop.assumeIsolated().execute { self.deliver() } }

    private func deliver() {
        guard let context = self.context, let peer = self.peer, context.channel.isActive else { return }
        if self.wantsRead, let (bytes, promise) = peer.unread.popFirst() {
            self.wantsRead = false
            promise?.succeed()
            context.fireChannelRead(self.wrapInboundOut(bytes))
            context.fireChannelReadComplete()
        }
        if peer.hasEnded, peer.unread.isEmpty { context.close(promise: nil) }
    }
}
