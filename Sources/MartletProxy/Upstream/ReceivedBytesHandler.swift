import NIOCore

/// The first handler of a channel for a socket that has been read from already: it passes those bytes on before all
/// others. Until then, writes are discarded.
final class ReceivedBytesHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let bytes: [UInt8]
    private var isActive = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
        self.isActive = true
        context.fireChannelActive()
        if !self.bytes.isEmpty {
            context.fireChannelRead(self.wrapInboundOut(ByteBuffer(bytes: self.bytes)))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if self.isActive { context.write(data, promise: promise) } else { promise?.succeed() }
    }

    func flush(context: ChannelHandlerContext) { if self.isActive { context.flush() } }
}
