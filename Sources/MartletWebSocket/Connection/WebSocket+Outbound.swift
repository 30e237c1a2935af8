public import MartletProtocol
public import NIOCore

extension WebSocket {
    /// Sends a message, or queues it, or does what ``WebSocketConfiguration/overflowPolicy`` says.
    ///
    /// - Parameter payload: UTF-8 when `kind` is text; the caller's promise.
    @discardableResult
    public func send(_ kind: MessageKind, _ payload: RawSpan) -> SendResult {
        payload.withUnsafeBytes { self.send(kind.opcode, $0) }
    }

    @discardableResult
    public func send(text: String) -> SendResult {
        var text = text
        return text.withUTF8 { self.send(.text, UnsafeRawBufferPointer($0)) }
    }

    @discardableResult
    public func send(binary: ByteBuffer) -> SendResult {
        binary.withUnsafeReadableBytes { self.send(.binary, $0) }
    }

    /// Sends a ping. When bytes wait already, only the latest ping is kept.
    ///
    /// - Parameter payload: at most 125 bytes; comes back in the pong.
    public func ping(_ payload: [UInt8] = []) {
        precondition(payload.count <= 125, "a control frame carries at most 125 bytes (RFC 6455, section 5.5)")
        guard self.phase == .open else { return }
        if self.hasBacklog { self.pendingPing = payload } else { self.sendControl(.ping, payload) }
    }

    /// Sends messages that were encoded once for many connections: one system call for all of them.
    ///
    /// - Returns: how many were taken.
    public func send(_ batch: PreparedBatch) -> Int {
        guard self.phase == .open else { return 0 }
        if self.role == .server, !self.hasBacklog, !batch.isEmpty,
            batch.frames.readableBytes <= self.configuration.outboundQueueLimit || batch.count == 1
        {
            self.flushCork()
            if !self.hasBacklog {
                batch.frames.withUnsafeReadableBytes { _ = self.transmit($0) }
                return batch.count
            }
        }
        var taken = 0
        for message in batch.messages {
            let result = batch.frames.withUnsafeReadableBytes {
                self.send(message.kind.opcode, UnsafeRawBufferPointer(rebasing: $0[message.payload]))
            }
            if result == .sent { taken += 1 }
        }
        return taken
    }

    /// Whether bytes wait that nothing may overtake.
    var hasBacklog: Bool { self.inFlight > 0 || !self.queue.isEmpty }

    private func nextMaskingKey() -> UInt32? {
        self.role == .client ? self.loop.maskingKeys.next() : nil
    }

    private func send(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) -> SendResult {
        guard self.phase == .open else { return .closed }
        guard !self.hasBacklog else { return self.enqueue(opcode, payload) }
        if self.isCorked {
            self.loop.output.writeFrame(opcode, maskingKey: self.nextMaskingKey(), payload: payload)
            if self.loop.output.readableBytes >= self.configuration.outboundQueueLimit { self.flushCork() }
        } else {
            self.transmitFrame(opcode, payload)
        }
        return .sent
    }

    private func enqueue(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) -> SendResult {
        let length =
            FrameHeader.encodedLength(payloadLength: payload.count, isMasked: self.role == .client)
            + payload.count
        switch self.queue.offer(length: length, inFlight: self.inFlight) {
        case .accepted:
            let key = self.nextMaskingKey()
            self.queue.append(length: length) { $0.writeFrame(opcode, maskingKey: key, payload: payload) }
            return .sent
        case .refused:
            return .full
        case .overflow:
            self.close(.tryAgainLater, reason: "the client reads too slowly")
            return .closed
        }
    }

    /// Encodes one frame behind whatever the loop's output buffer holds, sends it, and takes it off again.
    private func transmitFrame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        let start = self.loop.output.writerIndex
        self.loop.output.writeFrame(opcode, maskingKey: self.nextMaskingKey(), payload: payload)
        self.transmitOutput(from: start)
    }

    /// Sends what the loop's output buffer holds from `start` on, and takes it off.
    private func transmitOutput(from start: Int) {
        let count = self.loop.output.writerIndex - start
        let sent = self.loop.output.withUnsafeReadableBytes { bytes in
            self.directSocket?.send(UnsafeRawBufferPointer(rebasing: bytes.suffix(count))) ?? 0
        }
        var rest: ByteBuffer?
        if sent < count {
            rest = self.loop.output.withUnsafeReadableBytes { ByteBuffer(bytes: $0.suffix(count - sent)) }
        }
        self.loop.output.moveWriterIndex(to: start)
        self.loop.shrinkOutputIfNeeded()
        if let rest { self.writeToChannel(rest) }
    }

    /// Sends bytes that are kept by somebody else.
    ///
    /// - Returns: whether the kernel took all of them; otherwise NIO has the rest, and ``drainQueue()`` follows.
    @discardableResult
    fileprivate func transmit(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let sent = self.directSocket?.send(bytes) ?? 0
        if sent == bytes.count { return true }
        self.writeToChannel(ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[sent...])))
        return false
    }

    /// The way through NIO: for what a direct send left over, and for everything on TLS. One write at a time, so that
    /// what waits behind it can still be dropped.
    fileprivate func writeToChannel(_ bytes: ByteBuffer) {
        guard let context = self.context, self.phase != .closed else { return }
        self.inFlight += bytes.readableBytes
        let promise = context.eventLoop.makePromise(of: Void.self)
        let count = bytes.readableBytes
        promise.futureResult.assumeIsolated().whenComplete { self.wroteToChannel(count, $0) }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
    }

    private func wroteToChannel(_ count: Int, _ result: Result<Void, any Error>) {
        self.inFlight -= count
        guard case .success = result else {
            // The channel is about to become inactive; until then its descriptor must not be used.
            self.directSocket = nil
            return
        }
        guard self.inFlight == 0 else { return }
        self.drainQueue()
    }

    /// The channel has taken everything: what waited may go.
    private func drainQueue() {
        var bytes = ByteBuffer()
        if let payload = self.pendingPong {
            self.pendingPong = nil
            self.encodeControl(.pong, payload, into: &bytes)
        }
        if let payload = self.pendingPing {
            self.pendingPing = nil
            self.encodeControl(.ping, payload, into: &bytes)
        }
        if !self.queue.isEmpty { self.queue.drain(into: &bytes) }
        if let frame = self.pendingClose {
            self.pendingClose = nil
            self.encodeControl(.close, frame.body, into: &bytes)
        }
        guard bytes.readableBytes == 0 || bytes.withUnsafeReadableBytes({ self.transmit($0) }) else { return }
        if self.phase == .open { self.handler.drained(self) } else { self.closeFrameLeft() }
    }

    private func encodeControl(_ opcode: Opcode, _ payload: [UInt8], into buffer: inout ByteBuffer) {
        let key = self.nextMaskingKey()
        payload.withUnsafeBytes { _ = buffer.writeFrame(opcode, maskingKey: key, payload: $0) }
    }

    /// Sends a control frame now; there is no backlog.
    func sendControl(_ opcode: Opcode, _ payload: [UInt8]) {
        payload.withUnsafeBytes { payload in
            if self.isCorked {
                self.loop.output.writeFrame(opcode, maskingKey: self.nextMaskingKey(), payload: payload)
            } else {
                self.transmitFrame(opcode, payload)
            }
        }
    }

    /// Answers a ping. While bytes wait only the latest is answered (RFC 6455, section 5.5.3), so that a flood of
    /// pings costs no memory.
    func sendPong(_ payload: [UInt8]) {
        guard self.phase == .open else { return }
        if self.hasBacklog {
            self.pendingPong = payload
            return
        }
        self.sendControl(.pong, payload)
        if self.isCorked, self.loop.output.readableBytes >= self.configuration.outboundQueueLimit { self.flushCork() }
    }

    /// The end of a read: sends in one go what the handler answered to it.
    func uncork() {
        guard self.isCorked else { return }
        self.flushCork()
        self.isCorked = false
        self.loop.isCorkTaken = false
    }

    func flushCork() {
        guard self.isCorked, self.loop.output.readableBytes > 0 else { return }
        self.transmitOutput(from: self.loop.output.readerIndex)
    }
}

extension WebSocket {
    /// Sends whole frames that the async tier encoded. It keeps its own queue, so this takes everything.
    func send(encoded frames: ByteBuffer) {
        guard self.phase == .open else { return }
        self.flushCork()
        if self.hasBacklog {
            self.writeToChannel(frames)
        } else {
            frames.withUnsafeReadableBytes { _ = self.transmit($0) }
        }
    }
}
