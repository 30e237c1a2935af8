import NIOCore
import NIOTLS

/// Reports when the TLS handshake of a connection to an upstream server is done, or why it failed: only then can a
/// request be sent on the connection, and until then the next server can have it. Stands behind the TLS handler.
final class TLSHandshakeWaiter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    private let promise: EventLoopPromise<Void>
    private var isOver = false
    private var timer: Scheduled<Void>?
    private let timeout: TimeAmount

    init(timeout: TimeAmount, promise: EventLoopPromise<Void>) {
        self.timeout = timeout
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) { [weak self] in
            guard let self else { return }
            self.finish(.failure(ChannelError.connectTimeout(self.timeout)), context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.finish(.failure(ChannelError.eof), context) }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(.failure(ChannelError.eof), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.isOver { return context.fireErrorCaught(error) }
        self.finish(.failure(error), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
        self.finish(.success(()), context)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func finish(_ result: Result<Void, any Error>, _ context: ChannelHandlerContext) {
        guard !self.isOver else { return }
        self.isOver = true
        self.timer?.cancel()
        self.timer = nil
        self.promise.completeWith(result)
        if case .failure = result { context.close(promise: nil) }
    }
}
