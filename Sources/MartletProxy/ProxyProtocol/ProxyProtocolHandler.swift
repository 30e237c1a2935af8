import NIOCore

/// Reads the PROXY protocol header that a load balancer puts before everything else, then leaves the pipeline. A
/// connection without such a header is closed: its addresses would be a guess.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var bytes = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isSettled = false
    private let timeout: TimeAmount
    private let onHeader: (ProxyProtocolHeader) -> Void
    private let onFailure: (String) -> Void

    init(
        timeout: TimeAmount, onHeader: @escaping (ProxyProtocolHeader) -> Void,
        onFailure: @escaping (String) -> Void
    ) {
        self.timeout = timeout
        self.onHeader = onHeader
        self.onFailure = onFailure
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            self.fail("no PROXY protocol header came in time")
            context.close(promise: nil)
        }
    }

    /// Reports a failure, once at most, and not after a header.
    private func fail(_ reason: String) {
        self.timer?.cancel()
        guard !self.isSettled else { return }
        self.isSettled = true
        self.onFailure(reason)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail("the connection ended before its PROXY protocol header")
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        guard !self.isSettled else { return }
        self.bytes.writeBuffer(&bytes)
        switch ProxyProtocolHeader.decode(self.bytes.readableBytesView) {
        case .needMoreData: break
        case .malformed:
            self.fail("the connection does not begin with a PROXY protocol header")
            context.close(promise: nil)
        case .header(let header, let length):
            self.isSettled = true
            self.timer?.cancel()
            self.bytes.moveReaderIndex(forwardBy: length)
            self.onHeader(header)
            if self.bytes.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(self.bytes)) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}
