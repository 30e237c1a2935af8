import MartletProtocol
public import NIOCore

extension WebSocket {
    /// Stops reading the socket, so that the peer feels that we are busy. At most one more message is delivered: the
    /// one that is being delivered. Pings are not answered either until ``resumeReading()``.
    public func pauseReading() { self.isReadingPaused = true }

    public func resumeReading() {
        guard self.isReadingPaused else { return }
        self.isReadingPaused = false
        self.continueReading()
    }

    /// Goes on with what was held back, and then with the socket.
    func continueReading() {
        guard !self.isProcessing else { return }
        if self.heldInput.readableBytes > 0 || self.decoder.hasPendingOutput {
            self.corked { self.processHeldInput() }
        }
        if self.readWasHeldBack, !self.isReadingPaused || self.phase != .open {
            self.readWasHeldBack = false
            self.context?.read()
        }
    }

    /// Asks for the next read. The connection does so itself rather than leave it to NIO's `autoRead`: that begins at
    /// the end of the pipeline, where the remains of an HTTP side may hold it back for ever.
    func readMore(_ context: ChannelHandlerContext) {
        if self.isReadingPaused, self.phase == .open {
            self.readWasHeldBack = true
        } else {
            context.read()
        }
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.keepAlive?.heard()
        self.loop.metrics.received(bytes: buffer.readableBytes, self.role)
        if self.heldInput.readableBytes > 0 || self.isReadingPaused && self.phase == .open {
            self.heldInput.writeBuffer(&buffer)
            self.loop.giveBack(buffer)
            return
        }
        if !self.loop.isCorkTaken {
            self.loop.isCorkTaken = true
            self.isCorked = true
        }
        buffer.withUnsafeReadableBytes { bytes in
            // Unmasking works in place. Nobody else reads these bytes: NIO gives each read to the pipeline once, this
            // is its last handler, and the memory is the heap's, so writing to it is sound.
            let consumed = self.process(UnsafeMutableRawBufferPointer(mutating: bytes))
            if consumed < bytes.count { self.heldInput.writeBytes(bytes[consumed...]) }
        }
        self.loop.giveBack(buffer)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        self.uncork()
        if self.phase != .closed { self.readMore(context) }
    }

    private func processHeldInput() {
        var input = ByteBuffer()
        swap(&input, &self.heldInput)
        let consumed = input.withUnsafeMutableReadableBytes { self.process($0) }
        input.moveReaderIndex(forwardBy: consumed)
        if input.readableBytes > 0 { self.heldInput = input }
    }

    /// The connection has ended with input that nobody wanted yet. It is delivered all the same, as long as that is no
    /// more than a connection may hold anyway.
    func deliverHeldInput() {
        guard !self.isProcessing else { return }
        self.directSocket = nil
        let (budget, overflow) = self.configuration.limits.maximumMessageSize.addingReportingOverflow(
            self.configuration.inboundQueueLimit)
        let end = overflow ? Int.max : self.deliveredBytes + budget
        while self.heldInput.readableBytes > 0 || self.decoder.hasPendingOutput, self.isProcessable {
            guard self.deliveredBytes <= end else {
                self.closeInformation = .init(
                    code: .abnormalClosure, reason: "the peer ended the connection and left more than may wait here",
                    initiator: .remote, isClean: false)
                return
            }
            self.isReadingPaused = false
            self.processHeldInput()
        }
    }

    /// What the peer sent before it saw our close frame still counts, unless the application asked for a pause: while
    /// closing, the socket is read in any case, to find the peer's close frame.
    private func takesMessages() -> Bool {
        if self.phase == .open { return true }
        if self.isReadingPaused { self.isDiscarding = true }
        return !self.isDiscarding
    }

    private var isProcessable: Bool { self.phase == .open || self.phase == .closing }

    /// - Returns: how much was consumed; less than there is only when reading has been paused.
    private func process(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        var consumed = 0
        self.isProcessing = true
        defer { self.isProcessing = false }
        while self.isProcessable {
            if self.isReadingPaused, self.phase == .open { return consumed }
            switch self.decoder.next(in: bytes, consumed: &consumed) {
            case .needMoreData:
                return bytes.count
            case .message(let kind, let range):
                self.deliver(kind, UnsafeRawBufferPointer(rebasing: bytes[range]).bytes)
            case .assembledMessage(let kind):
                let message = self.decoder.takeAssembled()
                self.deliver(kind, message.readableBytesSpan)
                self.decoder.recycle(message)
            case .part(let part, let range):
                self.deliver(part, UnsafeRawBufferPointer(rebasing: bytes[range]).bytes)
            case .assembledPart(let part):
                let bytes = self.decoder.takeAssembled()
                self.deliver(part, bytes.readableBytesSpan)
                self.decoder.recycle(bytes)
            case .ping:
                self.sendPong(self.decoder.controlPayload)
            case .pong:
                self.receivedPong(self.decoder.controlPayload)
            case .close(let frame):
                self.receivedClose(frame)
            case .violation(let violation):
                self.fail(violation)
            }
        }
        return bytes.count
    }

    private func deliver(_ kind: MessageKind, _ payload: RawSpan) {
        guard self.takesMessages() else { return }
        self.deliveredBytes &+= payload.byteCount
        self.loop.metrics.received(messages: 1, self.role)
        self.handler.received(kind, payload, on: self)
    }

    private func deliver(_ part: MessagePart, _ payload: RawSpan) {
        guard self.takesMessages() else { return }
        self.deliveredBytes &+= payload.byteCount
        if part.isLast { self.loop.metrics.received(messages: 1, self.role) }
        self.handler.received(part, payload, on: self)
    }

    private func receivedPong(_ payload: [UInt8]) {
        // A peer may answer only the latest of several pings (RFC 6455, section 5.5.3).
        if let index = self.outstandingPings.firstIndex(where: { $0.payload == payload }) {
            let latency = self.eventLoop.now - self.outstandingPings[index].sentAt
            self.latency = latency
            self.outstandingPings.removeFirst(index + 1)
            self.loop.metrics.roundTrip(latency, self.role)
        }
        payload.withUnsafeBytes { self.handler.receivedPong($0.bytes, on: self) }
    }
}
