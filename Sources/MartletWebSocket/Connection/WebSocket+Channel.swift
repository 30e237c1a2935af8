// The connection on a channel of NIO: its events, and time.
import MartletHTTP
import MartletProtocol
public import NIOCore

extension WebSocket: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    public func handlerAdded(context: ChannelHandlerContext) {
        self.channel.context = context
        self.loop.metrics.opened(self.role)
        if self.channel.isPlainTCP { self.directSocket = DirectSocket(context.channel) }
        // A channel without options, such as an embedded one, is used as it is.
        if self.channel.isSocket {
            try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try? context.channel.syncOptions?.setOption(.recvAllocator, value: SharedReceiveAllocator(loop: self.loop))
            try? context.channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        }
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        if let interval = self.configuration.pingInterval {
            self.core.pings.keepAlive = KeepAlive(
                interval: interval, timeout: self.configuration.pingTimeout, now: self.eventLoop.now)
            self.scheduleKeepAlive()
        }
        self.handler.opened(self)
        if self.core.phase != .closed { self.readMore(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
        self.channel.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.ended()
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.core.isDone {
            self.endChannel()  // a reset after the end changes nothing
        } else {
            self.abort(reason: "the connection broke: \(error)")
        }
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: self.leave(.goingAway, reason: "the server shuts down")
        case let restart as ServerRestartEvent:
            self.leave(.serviceRestart, reason: "the server restarts; retry: \(restart.retry)")
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func leave(_ code: CloseCode, reason: String) {
        if let handler = self.handler as? any ClosingHandler {
            handler.close(code, reason: reason)  // messages that it holds are sent first
        } else {
            self.close(code, reason: reason)
        }
    }

    // MARK: Reading

    /// Asks for the next read. The connection does so itself and does not leave it to NIO's `autoRead`: that begins at
    /// the end of the pipeline, where the remains of an HTTP side may hold it back for ever.
    private func readMore(_ context: ChannelHandlerContext) {
        if self.core.mayRead { context.read() } else { self.core.input.isReadHeldBack = true }
    }

    /// Continues with the input that was held back, and then reads the socket.
    func continueReading() {
        guard !self.core.input.isProcessing else { return }
        if self.core.hasInput { self.corked { self.processHeldInput() } }
        if self.core.input.isReadHeldBack, self.core.mayRead {
            self.core.input.isReadHeldBack = false
            self.channel.context?.read()
        }
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.core.pings.keepAlive?.heard()
        self.loop.metrics.received(bytes: buffer.readableBytes, self.role)
        if self.core.holdsInput {
            self.core.input.held.writeBuffer(&buffer)
            self.loop.giveBack(buffer)
            return
        }
        if !self.loop.isCorkTaken {
            self.loop.isCorkTaken = true
            self.isCorked = true
        }
        buffer.withUnsafeReadableBytes { bytes in
            // Unmasking works in place. No other code reads these bytes: NIO gives each read to the pipeline once, this
            // is its last handler, and the memory is on the heap, so writing to it is sound.
            let consumed = self.process(UnsafeMutableRawBufferPointer(mutating: bytes))
            if consumed < bytes.count { self.core.input.held.writeBytes(bytes[consumed...]) }
        }
        self.loop.giveBack(buffer)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        self.uncork()
        if self.core.decoder.isUnfinished || self.hasUnfinished { self.noteUnfinished() }
        if self.core.phase != .closed { self.readMore(context) }
    }

    private func noteUnfinished() {
        self.hasUnfinished = true
        self.loop.unfinished.note(self)
    }

    private func processHeldInput() {
        var input = ByteBuffer()
        swap(&input, &self.core.input.held)
        let consumed = input.withUnsafeMutableReadableBytes { self.process($0) }
        input.moveReaderIndex(forwardBy: consumed)
        if input.readableBytes > 0 { self.core.input.held = input }
    }

    /// - Returns: how many bytes were consumed; fewer than there are only if reading has been paused.
    private func process(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        var consumed = 0
        self.core.input.isProcessing = true
        defer { self.core.input.isProcessing = false }
        let eventLoop = self.loop.executor.eventLoop
        while true {
            switch self.core.next(in: bytes, consumed: &consumed, now: { eventLoop.now }) {
            case .done: return bytes.count
            case .paused: return consumed
            case .message(let kind, let range):
                self.deliver(kind, UnsafeRawBufferPointer(rebasing: bytes[range]).bytes)
            case .assembledMessage(let kind):
                let message = self.core.takeAssembled()
                self.deliver(kind, message.readableBytesSpan)
                self.core.decoder.recycle(message)
            case .part(let part, let range):
                self.deliver(part, UnsafeRawBufferPointer(rebasing: bytes[range]).bytes)
            case .assembledPart(let part):
                let bytes = self.core.takeAssembled()
                self.deliver(part, bytes.readableBytesSpan)
                self.core.decoder.recycle(bytes)
            case .answer(let payload): self.sendControl(.pong, payload)
            case .pong(let payload, let latency):
                if let latency { self.loop.metrics.roundTrip(latency, self.role) }
                payload.withUnsafeBytes { self.handler.receivedPong($0.bytes, on: self) }
            case .closeBegan(let reply):
                self.isNotReady()
                self.startCloseTimer()
                self.sendLast(reply)
            case .closeAnswered:
                self.isNotReady()
                if !self.hasBacklog { self.closeFrameLeft() }
            case .failed(let frame):
                self.isNotReady()
                self.startCloseTimer()
                if let frame { self.sendLast(frame) } else { self.closeFrameLeft() }
            }
        }
    }

    @inline(__always)
    private func deliver(_ kind: MessageKind, _ payload: RawSpan) {
        self.loop.metrics.received(messages: 1, self.role)
        self.handler.received(kind, payload, on: self)
    }

    @inline(__always)
    private func deliver(_ part: MessagePart, _ payload: RawSpan) {
        if part.isLast { self.loop.metrics.received(messages: 1, self.role) }
        self.handler.received(part, payload, on: self)
    }

    // MARK: Writing

    /// Writes through NIO: what a direct send left over, and everything on TLS. There is one write at a time, so that
    /// what waits after it can still be dropped.
    ///
    /// NIO may take everything before this returns. The handler is not told then: no other code may be called from
    /// here, in the middle of a send.
    ///
    /// - Returns: whether NIO took everything before this returned.
    @discardableResult
    func writeToChannel(_ bytes: ByteBuffer) -> Bool {
        guard let context = self.channel.context, self.core.phase != .closed else { return false }
        self.isNotReady()
        let count = bytes.readableBytes
        self.core.inFlight += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        self.loop.metrics.sent(bytes: count, self.role)
        self.channel.isWriting = true
        promise.futureResult.assumeIsolated().whenComplete { result in
            if self.channel.isWriting {
                self.channel.writtenAtOnce = result
            } else {
                self.wroteToChannel(count, result)
            }
        }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
        self.channel.isWriting = false
        guard let result = self.channel.writtenAtOnce else { return false }
        self.channel.writtenAtOnce = nil
        self.core.inFlight -= count
        guard case .success = result else {
            self.directSocket = nil
            return false
        }
        if !self.core.queue.isEmpty, !self.isWritingQueue { self.writeQueueSoon() }
        return true
    }

    private func writeQueueSoon() {
        self.isWritingQueue = true
        self.eventLoop.assumeIsolated().execute {
            self.isWritingQueue = false
            if self.core.inFlight == 0 { self.writeQueue() }
        }
    }

    private func wroteToChannel(_ count: Int, _ result: Result<Void, any Error>) {
        self.core.inFlight -= count
        guard case .success = result else {
            // The channel is about to become inactive; until then its descriptor must not be used.
            self.directSocket = nil
            return
        }
        guard self.core.inFlight == 0 else { return }
        self.writeQueue()
    }

    // MARK: The end

    func sendLast(_ frame: CloseFrame) {
        guard self.core.sendLast(frame) else { return }
        self.sendControl(.close, frame.body)
        self.flushCork()
        if !self.hasBacklog { self.closeFrameLeft() }
    }

    /// Continues after the kernel has taken our close frame. Once the peer's has arrived too, or is not waited for, a
    /// server ends its half of the TCP connection and waits for the peer to end its own: closing outright with unread
    /// input would make the kernel send a reset, which can destroy the close frame on its way. A client waits for the
    /// server to begin (RFC 6455, section 7.1.1).
    func closeFrameLeft() {
        guard self.core.phase == .lingering, self.role == .server else { return }
        self.channel.context?.close(mode: .output, promise: nil)
    }

    /// - Parameter waitsForTLS: whether to give the peer a few seconds to end TLS.
    func endChannel(waitsForTLS: Bool = true) {
        guard self.core.phase != .closed else { return }
        self.core.end()
        self.directSocket = nil
        let context = self.channel.context
        if !waitsForTLS, let tls = context?.pipeline.syncOperations.contextOfTLS {
            tls.close(promise: nil)
        } else {
            context?.close(promise: nil)
        }
    }

    /// Handles the end of the connection, whatever its cause; there is no other place for it.
    private func ended() {
        guard self.channel.context != nil else { return }
        self.deliverHeldInput()
        self.core.end()
        self.directSocket = nil
        self.timer?.cancel()
        self.timer = nil
        if self.isCorked {
            self.loop.output.clear()
            self.isCorked = false
            self.loop.isCorkTaken = false
        }
        self.channel.context = nil
        if self.hasUnfinished { self.loop.unfinished.remove(self) }
        self.core.decoder.end()
        self.compressor?.end()
        let information = self.core.finalInformation
        self.loop.metrics.closed(information.code, self.role)
        self.handler.closed(self, information)
        self.giveReadyPlaceBack()
    }

    /// Delivers input that was held back before the end.
    private func deliverHeldInput() {
        guard !self.core.input.isProcessing else { return }
        self.directSocket = nil
        let (budget, overflow) = self.configuration.limits.maximumMessageSize.addingReportingOverflow(
            self.configuration.inboundQueueLimit)
        let limit = overflow ? Int.max : self.core.input.deliveredBytes + budget
        while self.core.deliversHeldInput(upTo: limit) { self.processHeldInput() }
    }
}

// MARK: Time

extension WebSocket: NIOScheduledCallbackHandler {
    func startCloseTimer() {
        self.core.pings.keepAlive = nil
        self.timer?.cancel()
        self.timer = try? self.eventLoop.assumeIsolated().scheduleCallback(
            in: self.configuration.closeTimeout, handler: self)
    }

    private func scheduleKeepAlive() {
        guard let keepAlive = self.core.pings.keepAlive else { return }
        self.timer = try? self.eventLoop.assumeIsolated().scheduleCallback(at: keepAlive.nextWake, handler: self)
    }

    public func handleScheduledCallback(eventLoop: some EventLoop) {
        self.timer = nil
        guard self.core.phase == .open else {
            self.core.closeTimedOut()
            self.endChannel()
            return
        }
        if self.core.input.isPaused { self.core.pings.keepAlive?.heard() }  // this end is not reading
        switch self.core.pings.keepAlive?.wake(now: eventLoop.now) {
        case .peerIsDead:
            self.abort(
                reason: "the peer answered no ping for \(self.configuration.pingTimeout.nanoseconds / 1_000_000) ms")
        case .sendPing:
            if !self.core.isPingPending { self.ping(self.core.pings.nextPayload()) }
            self.scheduleKeepAlive()
        case .nothing:
            self.scheduleKeepAlive()
        case nil:
            break
        }
    }
}
