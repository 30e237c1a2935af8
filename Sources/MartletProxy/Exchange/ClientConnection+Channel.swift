// The events of the channel.
import MartletWebSocket
import NIOCore
import NIOHTTP1

extension ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.opened(self)
        let passed = NIODeadline.now() - self.peer.acceptedAt
        self.startTimer(max(self.limits.headerTimeout - passed, .zero)) { [weak self] in
            guard let self, self.exchange == nil else { return }
            // A client that sent no request gets no answer.
            self.context?.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.stopTimer()
        self.loop.closed(self)
        self.connectionCount?.ended()
        self.connectionCount = nil
        self.dropBegunHandshake()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.input.isInRead = true
        guard case .http = self.phase else { return }
        if self.codec?.isDecoderTaken ?? false {
            self.codec?.keep(data)
            return
        }
        guard !self.input.isBroken else { return }
        if !self.input.held.isEmpty {
            self.input.held.append(self.unwrapInboundIn(data))
        } else {
            self.handle(self.unwrapInboundIn(data))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.input.isInRead = false
        self.exchange?.clientReadComplete()
        context.fireChannelReadComplete()
        if let action = self.input.afterRead {
            self.input.afterRead = nil
            action()
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.mayRead, self.input.held.isEmpty { context.read() } else { self.input.isReadHeldBack = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.exchange?.clientWritabilityChanged()
            self.readIfHeldBack()
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.clientLeft()
        context.fireChannelInactive()
    }

    private func clientLeft() {
        if case .upgraded = self.phase { return }
        self.phase = .closed
        self.stopTimer()
        self.input.held = []
        let exchange = self.exchange
        self.exchange = nil
        exchange?.clientGone()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that has ended its half is taken to have left, as in nginx.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent, case .upgraded = self.phase {
        } else if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            self.clientLeft()
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .lingering = self.phase, error is HTTPParserError || error is ByteToMessageDecoderError { return }
        guard case .http = self.phase, let error = error as? HTTPParserError else {
            if !(self.input.isBroken && error is ByteToMessageDecoderError) { context.close(promise: nil) }
            return
        }
        if let exchange = self.exchange {
            guard !exchange.isRequestComplete else {
                // What follows a whole request is broken; its answer is not.
                self.input.isBroken = true
                return
            }
            guard !exchange.hasBegunAnswer else {
                self.exchange = nil
                exchange.clientGone()
                context.close(promise: nil)
                return
            }
            // The body is malformed: where the request ends is unknown, and so is the meaning of anything after it.
            self.exchange = nil
            exchange.clientGone()
            self.answer(.badRequest, "the body of the request is malformed: \(error)", isHead: false, keepAlive: false)
            self.linger()
            return
        }
        self.closesAfterAnswer = true
        self.refuse(nil, self.limits.httpLimits.refusal(of: error))
    }
}
