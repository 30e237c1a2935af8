import MartletHTTP
import NIOCore

/// Stands in front of the decoder of a connection that is to be upgraded, and knows which bytes came behind the 101.
///
/// NIO's decoder gives them back only when it is removed, a tick later, and not at all when the end of the connection
/// came right behind them.
final class UpgradeTap: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    /// The bytes that have come since the beginning of the current head.
    private var bytes = ByteBuffer()
    /// Whether everything is kept from here on.
    private var isHolding = false
    /// Whether the answer was not a 101, so that all bytes belong to the decoder.
    private var isDone = false
    private(set) var hasInputEnded = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if self.isHolding {
            self.bytes.writeBuffer(&bytes)
        } else if self.isDone {
            context.fireChannelRead(data)
        } else {
            self.bytes.writeImmutableBuffer(bytes)
            context.fireChannelRead(data)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.isHolding, case ChannelEvent.inputClosed? = event as? ChannelEvent {
            self.hasInputEnded = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Forgets a head, to the empty line at its end. The decoder is strict: it takes no other line ends than CR LF.
    func dropHead() {
        // The decoder passes over line ends before a status line.
        while let byte = self.bytes.getInteger(at: self.bytes.readerIndex, as: UInt8.self), byte == 0x0D || byte == 0x0A
        {
            self.bytes.moveReaderIndex(forwardBy: 1)
        }
        let end = self.bytes.withUnsafeReadableBytes { HeadParser.end($0) }
        if let end { self.bytes.moveReaderIndex(forwardBy: end) }
    }

    /// Stops keeping bytes.
    func stop() {
        self.isDone = true
        self.bytes = ByteBuffer()
    }

    /// Puts bytes back in front of those that have come since.
    func putBack(_ bytes: ByteBuffer) {
        var all = bytes
        all.writeBuffer(&self.bytes)
        self.bytes = all
    }

    /// - Returns: what has come behind the head so far; the rest waits for ``release()``.
    func takeBytesBehindUpgrade() -> ByteBuffer {
        self.isHolding = true
        self.dropHead()
        return self.takeHeld()
    }

    func takeHeld() -> ByteBuffer {
        defer { self.bytes = ByteBuffer() }
        return self.bytes
    }

    func release() {
        guard let context = self.context else { return }
        self.isHolding = false
        let bytes = self.bytes
        self.bytes = ByteBuffer()
        if bytes.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(bytes))
            context.fireChannelReadComplete()
        }
        if self.hasInputEnded { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
