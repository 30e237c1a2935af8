import NIOCore
import NIOSOCKS

/// Waits until a SOCKS proxy has connected, or has failed to.
final class SOCKSWaiter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let established: EventLoopPromise<Void>
    private let deadline: NIODeadline
    private var timer: Scheduled<Void>?

    init(established: EventLoopPromise<Void>, deadline: NIODeadline) {
        self.established = established
        self.deadline = deadline
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: self.deadline) {
            self.established.fail(WebSocketError(.timeout, reason: "the proxy did not answer in time"))
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.established.fail(ChannelError.eof)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is SOCKSProxyEstablishedEvent { self.established.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.established.fail(error) }

    func channelInactive(context: ChannelHandlerContext) {
        self.established.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}
