// What the channel tells the handler.
import HTTPTypes
public import NIOCore
public import NIOHTTP1

extension WebSocketUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.startTimer()
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.stop()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.stop()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .removingDecoder = self.state {} else { self.isInRead = true }
        switch self.state {
        case .removingDecoder:
            self.leftovers.append(ByteReader().unwrapInboundIn(data))
        case .ready, .passing, .receiving, .collecting:
            self.handle(self.unwrapInboundIn(data))
        case .waiting, .deciding, .answering, .endingHTTP, .keepingDecoder:
            self.heldParts.append(self.unwrapInboundIn(data))
        case .finished:
            break
        }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        self.isInRead = false
        context.fireChannelReadComplete()
        if let action = self.afterRead {
            self.afterRead = nil
            action()
        }
    }

    public func read(context: ChannelHandlerContext) {
        if self.mayRead(context) { context.read() } else { self.readWasHeldBack = true }
    }

    /// Nothing is read while a request waits, or while the client does not take the answers that it has been given.
    func mayRead(_ context: ChannelHandlerContext) -> Bool {
        switch self.state {
        case .ready, .passing, .receiving, .collecting: context.channel.isWritable
        // One read ahead: most answers come at once, and asking NIO to stop and to go on costs two system calls.
        case .answering: context.channel.isWritable && self.heldParts.isEmpty && !self.hasInputEnded
        case .waiting, .deciding, .endingHTTP, .keepingDecoder, .removingDecoder: false
        case .finished: true
        }
    }

    func readIfHeldBack() {
        guard self.readWasHeldBack, self.heldParts.isEmpty, let context = self.context, self.mayRead(context) else {
            return
        }
        self.readWasHeldBack = false
        context.read()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.readIfHeldBack()
        context.fireChannelWritabilityChanged()
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        if case .finished = self.state { return }  // a WebSocket's bytes
        guard case .end = self.unwrapOutboundIn(data) else { return }
        self.unanswered -= 1
        if self.unanswered == 0, case .waiting(let handshake) = self.state {
            context.eventLoop.assumeIsolated().execute { self.decide(handshake) }
        }
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output, case .endingHTTP(let next) = self.state else {
            context.close(mode: mode, promise: promise)
            return
        }
        promise?.succeed()
        next()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .keepingDecoder = self.state {
            // The decoder went on after an upgrade request: after 101, no frame can be told from HTTP.
            context.close(promise: nil)
            return
        }
        if case .answering = self.state, error is HTTPParserError {
            // What came behind the request is none; the answer is still owed.
            self.hasInputEnded = true
            return
        }
        guard self.httpSide == nil, let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            if self.httpSide == nil { context.close(promise: nil) }
            return
        }
        let isTooLong = error == .headerOverflow
        self.refuseAndClose(
            isTooLong ? .requestHeaderFieldsTooLarge : .badRequest,
            reason: isTooLong
                ? "the headers are longer than \(self.limits.maximumHeaderSize) bytes"
                    + " or more than \(self.limits.maximumHeaderCount)"
                : "not a valid HTTP/1.1 request: \(error)")
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (event, self.state) {
        case (is ChannelShouldQuiesceEvent, .ready), (is ChannelShouldQuiesceEvent, .passing):
            self.isDraining = true
            self.drain(context)
        case (is ChannelShouldQuiesceEvent, .collecting):
            self.isDraining = true
            self.startTimer(after: Self.drainPatience)
        case (is ChannelShouldQuiesceEvent, _):
            self.isDraining = true  // a handshake comes to its end first
        case (ChannelEvent.inputClosed, .answering): self.hasInputEnded = true
        case (ChannelEvent.inputClosed, _) where self.httpSide == nil:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Ends a connection that carries plain HTTP or nothing; the HTTP side ends when its requests are answered.
    func drain(_ context: ChannelHandlerContext) {
        if self.httpSide == nil {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }
}
