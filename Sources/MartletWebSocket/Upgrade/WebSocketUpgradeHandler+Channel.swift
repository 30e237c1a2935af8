// The events of the channel and the clock.
import HTTPTypes
import Logging
import MartletHTTP
public import NIOCore
public import NIOHTTP1
import NIOTLS

extension WebSocketUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.state.opened()
        self.updateTimer()
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
        if self.state.isReceivingLeftovers {
            self.codec.keep(data)
        } else if self.state.phase != .finished {
            self.perform(self.state.received(self.unwrapInboundIn(data)))
            self.updateTimer()
        }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        self.perform(self.state.readCompleted())
        self.updateTimer()
    }

    public func read(context: ChannelHandlerContext) {
        if self.state.askToRead(isWritable: context.channel.isWritable) { context.read() }
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        // The client has taken something whenever it becomes possible again, however much is written then.
        if context.channel.isWritable { self.stopWatchingAnswers() } else { self.watchAnswers() }
        self.readIfHeldBack()
        context.fireChannelWritabilityChanged()
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard self.state.phase != .finished else {
            context.write(data, promise: promise)  // a WebSocket's bytes
            return
        }
        switch self.unwrapOutboundIn(data) {
        case .head(var head) where self.exchange != nil:
            self.exchange?.answer(&head)
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            context.write(data, promise: promise)
            let isLast = self.exchange?.isLast ?? false
            self.endExchange()
            if isLast { self.endAfterAnswer(context) } else { self.answered(context) }
        default: context.write(data, promise: promise)
        }
    }

    private func endExchange() {
        self.exchange = nil
        // The next request has its own time.
        self.continueTimer?.cancel()
        self.continueTimer = nil
    }

    private func endAfterAnswer(_ context: ChannelHandlerContext) {
        self.state.finish()
        self.updateTimer()
        context.flush()
        self.closeOutput()
    }

    private func answered(_ context: ChannelHandlerContext) {
        let action = self.state.httpAnswered()
        self.updateTimer()
        guard action != .nothing else { return }
        context.eventLoop.assumeIsolated().execute {
            switch action {
            case .nothing: break
            case .decide: if self.state.phase == .waiting { self.decide() }
            case .resume: self.resume()
            }
            self.updateTimer()
        }
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output, self.state.isEndingHTTP else {
            context.close(mode: mode, promise: promise)
            return
        }
        promise?.succeed()
        self.takeOver()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let parserError = error as? HTTPParserError
        switch self.state.failed(isOfParser: parserError != nil) {
        case .nothing: break
        case .close: context.close(promise: nil)
        case .tellHTTP: context.fireErrorCaught(error)
        case .tellAndClose:
            context.fireErrorCaught(error)
            context.close(promise: nil)
        case .refuse: if let parserError { self.refuseForGood(self.settings.limits.refusal(of: parserError)) }
        }
        self.updateTimer()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is WantsBodyEvent: self.sendContinue()
        case is ProvedEvent: self.place?.prove()
        case is TLSUserEvent:
            self.isTLSReady = true
            context.fireUserInboundEventTriggered(event)
        case is ChannelShouldQuiesceEvent: self.perform(self.state.quiesced())
        case ChannelEvent.inputClosed:
            switch self.state.inputEnded() {
            case .nothing: break
            case .close: context.close(promise: nil)
            case .tellHTTP: context.fireUserInboundEventTriggered(event)
            }
        default:
            context.fireUserInboundEventTriggered(event)
        }
        self.updateTimer()
    }

    func perform(_ action: ServerConnectionState.DrainAction) {
        switch action {
        case .nothing: break
        case .close: self.context?.close(promise: nil)
        case .tellHTTP: self.context?.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    // MARK: Reading and the decoder

    private func readIfHeldBack() {
        guard let context = self.context, self.state.releaseRead(isWritable: context.channel.isWritable) else { return }
        context.read()
    }

    /// Continues with what was held back: one request after the other, however many there are.
    func resume() {
        guard self.state.beginResuming() else { return }
        var hasPassed = false
        while let action = self.state.nextHeld() {
            hasPassed = true
            self.perform(action)
        }
        switch self.state.endResuming() {
        case .nothing: break
        case .close: self.closeOutput()
        case .tellInputEnd: self.context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case .read: self.readIfHeldBack()
        case .drain(let action):
            self.readIfHeldBack()
            self.perform(action)
        }
        // The HTTP side gathers input until it is told that the read is over.
        if hasPassed, self.state.hasHTTPSide, !self.state.isReading { self.context?.fireChannelReadComplete() }
    }

    func perform(_ action: ServerConnectionState.DecoderAction) {
        switch action {
        case .nothing: break
        case .close: self.context?.close(promise: nil)
        case .resume: self.resume()
        case .remove:
            guard let context = self.context, let decoder = self.codec.takeDecoder() else { return }
            context.pipeline.syncOperations.removeHandler(decoder).assumeIsolated().whenSuccess {
                self.decoderRemoved()
                self.updateTimer()
            }
        }
    }

    private func decoderRemoved() {
        guard let context = self.context, context.channel.isActive else { return }
        switch self.state.decoderRemoved() {
        case nil: break
        case .takeover: self.become(context)
        case .replacement:
            let bytes = self.codec.takeLeftovers()
            do {
                let pipeline = context.pipeline.syncOperations
                try pipeline.addHandler(self.codec.makeDecoder(), position: .after(self.codec.encoder))
                // The bytes are processed as newly received ones.
                let encoder = try pipeline.context(handler: self.codec.encoder)
                for bytes in bytes { encoder.fireChannelRead(NIOAny(bytes)) }
                if !bytes.isEmpty { encoder.fireChannelReadComplete() }
            } catch {
                context.close(promise: nil)
                return
            }
            self.resume()
        }
    }

    // MARK: Time

    /// Sets the timer as the last event requires, and tells the place of the connection what is under way.
    func updateTimer() {
        if let place = self.place {
            switch self.state.phase {
            // A request that was answered before it has come is waited for no more.
            case .ready, .passing:
                if self.state.mustPostpone {
                    place.activity = .busy
                } else if place.activity == .busy {
                    place.activity = .answered
                }
            case .finished: place.activity = .leaving
            default: place.activity = .busy
            }
        }
        guard let change = self.state.takeTimerChange() else { return }
        self.timer?.cancel()
        let time: TimeAmount
        switch change {
        case .stop:
            self.timer = nil
            return
        case .startHandshake:
            time = self.settings.limits.handshakeTimeout - self.tlsTime
            self.tlsTime = .zero
        case .startDrain: time = Self.drainPatience
        }
        self.timer = self.context?.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.timer = nil
            switch self.state.timerFired() {
            case .close: self.context?.close(promise: nil)
            case .refuse where !self.canAnswer: self.endWithoutAnswer()
            case .refuse: self.refuseForGood(Self.tooSlow)
            case .refuseDecision: if let action = self.takeover?.decision?.timedOut() { self.perform(action) }
            }
            self.updateTimer()
        }
    }

    private static let tooSlow = Refusal(.requestTimeout, "no complete request came in time", mayStay: false)

    /// Notes that something was received or sent.
    func touch(_ now: NIODeadline? = nil) {
        guard let timeout = self.settings.idleTimeout, let context = self.context else { return }
        self.lastActivity = now ?? context.eventLoop.now
        if self.idleTimer == nil { self.startIdleTimer(timeout) }
    }

    private func startIdleTimer(_ time: TimeAmount) {
        self.idleTimer = self.context?.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.idleTimer = nil
            guard let timeout = self.settings.idleTimeout, let context = self.context else { return }
            let left = self.lastActivity + timeout - context.eventLoop.now
            switch self.state.idleTimerFired(isOver: left <= .zero) {
            case .nothing: break
            case .close: context.close(promise: nil)
            case .refuse: self.refuseForGood(Self.tooSlow)
            case .waitForRest: self.startIdleTimer(left)
            case .waitAgain: self.startIdleTimer(timeout)
            }
            self.updateTimer()
        }
    }

    /// Ends the connection when the client takes nothing of its answers for too long.
    private func watchAnswers() {
        guard self.stall == nil, let context = self.context else { return }
        self.stall = AnswerStall(AnswerStall.unsent(on: context.channel), at: context.eventLoop.now)
        self.lookAtAnswers(context)
    }

    private func stopWatchingAnswers() {
        self.stall?.timer?.cancel()
        self.stall = nil
    }

    private func lookAtAnswers(_ context: ChannelHandlerContext) {
        let timeout = self.settings.limits.answerTimeout
        self.stall?.timer = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(timeout.nanoseconds / 4)) {
            guard self.stall != nil, let context = self.context else { return }
            let unsent = AnswerStall.unsent(on: context.channel)
            guard self.stall?.isOver(unsent, at: context.eventLoop.now, timeout: timeout) == true else {
                return self.lookAtAnswers(context)
            }
            self.stall = nil
            StalledAnswerCounter.count()
            self.settings.logger.info(
                "closing a connection",
                metadata: [
                    "reason": "the client does not read its answers",
                    "address": "\(context.channel.remoteAddress?.text ?? "-")", "unsent": "\(unsent)",
                ])
            context.close(promise: nil)
        }
    }

    // MARK: The end

    /// Whether an answer would reach the client: not before the TLS handshake is complete.
    private var canAnswer: Bool {
        !self.settings.isSecure || self.isTLSReady
    }

    /// Closes the connection past TLS, whose own end would wait for the client.
    private func endWithoutAnswer() {
        guard let tls = self.context?.pipeline.syncOperations.contextOfTLS else { return self.closeOutput() }
        tls.close(promise: nil)
    }

    /// Closes the output after the last answer, which NIO has; `close` waits for it to be written. The client then ends
    /// its half: see ``WebSocket/closeFrameLeft()``.
    func closeOutput() { self.context?.close(mode: .output, promise: nil) }

    private func settleWithoutHTTP() {
        if !self.state.hasHTTPSide { self.onUpgradeWithoutHTTP?() }
        self.onUpgradeWithoutHTTP = nil
    }

    /// Ends the admission of a handshake that failed afterwards.
    func releaseAdmission() {
        self.admission?.end()
        self.admission = nil
    }

    private func stop() {
        self.state.closed()
        self.updateTimer()
        self.idleTimer?.cancel()
        self.idleTimer = nil
        self.stopWatchingAnswers()
        self.continueTimer?.cancel()
        self.continueTimer = nil
        self.settleWithoutHTTP()
        self.releaseAdmission()
        self.takeover = nil
        self.plainRequest = nil
    }

    /// Passes the connection to another handler.
    private func become(_ context: ChannelHandlerContext) {
        guard let handler = self.takeover?.makeHandler?(context.eventLoop) else { return }
        let pipeline = context.pipeline.syncOperations
        self.place?.clientBegan()
        // From here on nothing in the pipeline may treat a write as HTTP: the handler may send at once.
        self.state.tookOver()
        self.settleWithoutHTTP()
        if self.admission != nil || self.place != nil {
            context.channel.closeFuture.whenComplete { [admission, place] _ in
                admission?.end()
                place?.clientEnded()
            }
            self.admission = nil
        }
        for handler in self.httpSide?.removableHandlers ?? [] { pipeline.removeHandler(handler, promise: nil) }
        pipeline.removeHandler(self.codec.encoder, promise: nil)
        do {
            try pipeline.addHandler(handler, position: .after(self))
        } catch {
            self.settings.logger.error("cannot upgrade a connection", metadata: ["error": "\(error)"])
            context.close(promise: nil)
            return
        }
        for bytes in self.codec.takeLeftovers() { context.fireChannelRead(NIOAny(bytes)) }
        context.fireChannelReadComplete()
        if self.state.isDraining { context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        pipeline.removeHandler(self, promise: nil)
    }
}
