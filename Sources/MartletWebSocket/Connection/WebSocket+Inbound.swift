import MartletProtocol
public import NIOCore

extension WebSocket {
    /// Stops reading the socket, so that the peer feels that we are busy. What one read brought is still delivered.
    public func pauseReading() { self.isReadingPaused = true }

    public func resumeReading() {
        self.isReadingPaused = false
        if self.readWasHeldBack {
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
        let buffer = self.unwrapInboundIn(data)
        self.keepAlive?.heard()
        if !self.loop.isCorkTaken {
            self.loop.isCorkTaken = true
            self.isCorked = true
        }
        buffer.withUnsafeReadableBytes { bytes in
            // Unmasking works in place. Nobody else reads these bytes: NIO gives each read to the pipeline once, this
            // is its last handler, and the memory is the heap's, so writing to it is sound.
            self.process(UnsafeMutableRawBufferPointer(mutating: bytes))
        }
        self.loop.giveBack(buffer)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        self.uncork()
        if self.phase != .closed { self.readMore(context) }
    }

    /// What the peer sent before it saw our close frame still counts, unless the application asked for a pause: while
    /// closing, the socket is read in any case, to find the peer's close frame.
    private var takesMessages: Bool { self.phase == .open || !self.isReadingPaused }

    private func process(_ bytes: UnsafeMutableRawBufferPointer) {
        var consumed = 0
        while self.phase == .open || self.phase == .closing {
            switch self.decoder.next(in: bytes, consumed: &consumed) {
            case .needMoreData:
                return
            case .message(let kind, let range):
                guard self.takesMessages else { continue }
                let payload = UnsafeRawBufferPointer(rebasing: bytes[range])
                self.handler.received(kind, payload.bytes, on: self)
            case .assembledMessage(let kind):
                let message = self.decoder.takeAssembledMessage()
                guard self.takesMessages else { continue }
                self.handler.received(kind, message.readableBytesSpan, on: self)
            case .ping:
                self.sendPong(self.decoder.controlPayload)
            case .pong:
                self.decoder.controlPayload.withUnsafeBytes { self.handler.receivedPong($0.bytes, on: self) }
            case .close(let frame):
                self.receivedClose(frame)
            case .violation(let violation):
                self.fail(violation)
            }
        }
    }
}
