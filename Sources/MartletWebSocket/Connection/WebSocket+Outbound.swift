import CMartletSystem
public import MartletProtocol
public import NIOCore

extension WebSocket {
    /// Sends a message, or queues it, or does what ``WebSocketConfiguration/overflowPolicy`` says.
    ///
    /// - Parameters:
    ///   - payload: UTF-8 when `kind` is text; the caller's promise.
    ///   - compress: `false` to send it as it is even where compression was agreed on.
    @discardableResult
    public func send(_ kind: MessageKind, _ payload: RawSpan, compress: Bool = true) -> SendResult {
        payload.withUnsafeBytes { self.send(kind, $0, compress: compress) }
    }

    @discardableResult
    public func send(text: String, compress: Bool = true) -> SendResult {
        var text = text
        return text.withUTF8 { self.send(.text, UnsafeRawBufferPointer($0), compress: compress) }
    }

    @discardableResult
    public func send(binary: ByteBuffer, compress: Bool = true) -> SendResult {
        binary.withUnsafeReadableBytes { self.send(.binary, $0, compress: compress) }
    }

    /// Sends a message that was encoded once for many connections.
    @discardableResult
    public func send(_ message: PreparedMessage) -> SendResult {
        guard self.role == .server else {
            return message.payload.withUnsafeReadableBytes {
                self.send(message.kind, $0, compress: message.mayBeCompressed)
            }
        }
        guard self.phase == .open else { return .closed }
        guard !self.isSendingParts else { return .full }
        let frames = self.frames(of: message)
        if self.hasBacklog, let refusal = self.refusal(of: frames.readableBytes) { return refusal }
        self.write(preparedFrames: frames)
        return .sent
    }

    /// Sends a part of a message whose length need not be known; parts of one message must follow each other.
    ///
    /// Until the last part is sent, whole messages answer ``SendResult/full``. Pings and close frames get through.
    ///
    /// - Parameter payload: UTF-8 when the parts together are text; the caller's promise.
    /// - Returns: ``SendResult/full`` when the part was not taken, whatever the policy: wait for
    ///   ``WebSocketHandler/drained(_:)``.
    public func send(_ part: MessagePart, _ payload: RawSpan, compress: Bool = true) -> SendResult {
        guard self.phase == .open else { return .closed }
        precondition(part.isFirst != self.isSendingParts, "the parts of a message begin with the first")
        return payload.withUnsafeBytes { payload in
            if self.hasBacklog, self.bufferedAmount + payload.count > self.configuration.outboundQueueLimit {
                return .full
            }
            self.write(part, payload, compress: compress)
            return .sent
        }
    }

    /// Sends a ping. When bytes wait already, only the latest ping is kept.
    ///
    /// - Parameter payload: at most 125 bytes; comes back in the pong. ``latency`` is measured by it.
    public func ping(_ payload: [UInt8] = []) {
        precondition(payload.count <= 125, "a control frame carries at most 125 bytes (RFC 6455, section 5.5)")
        guard self.phase == .open else { return }
        if self.hasBacklog { self.pendingPing = payload } else { self.sendControl(.ping, payload) }
    }

    /// Sends messages that were encoded once for many connections: one system call for all of them.
    ///
    /// - Returns: how many were taken.
    public func send(_ batch: PreparedBatch) -> Int {
        guard self.phase == .open, !self.isSendingParts else { return 0 }
        if self.role == .server, !self.hasBacklog, !batch.isEmpty {
            let frames = self.compressor.map { batch.frames(compressedBy: $0) } ?? batch.frames
            if frames.readableBytes <= self.queue.limit || batch.count == 1 {
                self.flushCork()
                if !self.hasBacklog {
                    self.compressor?.forgetPast()
                    self.loop.metrics.sent(messages: batch.count, self.role)
                    if frames.withUnsafeReadableBytes({ self.transmit($0) }) { self.isReady() }
                    return batch.count
                }
            }
        }
        var taken = 0
        for message in batch.messages {
            let result = batch.frames.withUnsafeReadableBytes {
                self.send(
                    message.kind, UnsafeRawBufferPointer(rebasing: $0[message.payload]), compress: message.compress)
            }
            if result == .sent { taken += 1 }
        }
        return taken
    }

    /// Where a message that is sent finds what it looks at; for ``prefetch(_:)``.
    package var memoryAddress: UnsafeRawPointer { UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// Brings a connection into the processor's cache, shortly before a message is sent on it: worth it in a walk over many.
    ///
    /// - Parameter address: a ``memoryAddress``; the connection may have gone since.
    package static func prefetch(_ address: UnsafeRawPointer) {
        for line in 0..<4 { martlet_prefetch(address + line * 64) }
    }

    /// In place of what the configuration says.
    package var overflowPolicy: OverflowPolicy {
        get { self.queue.policy }
        set { self.queue.policy = newValue }
    }

    /// Messages that ``overflowPolicy`` dropped.
    package var droppedMessages: Int { self.queue.droppedCount }

    /// Whether bytes wait that nothing may overtake.
    var hasBacklog: Bool { self.inFlight > 0 || !self.queue.isEmpty }

    private func send(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer, compress: Bool) -> SendResult {
        guard self.phase == .open else { return .closed }
        guard !self.isSendingParts else { return .full }
        if self.hasBacklog,
            let refusal = self.refusal(
                of: payload.count
                    + FrameHeader.encodedLength(payloadLength: payload.count, isMasked: self.role == .client))
        {
            return refusal
        }
        self.write(kind, payload, compress: compress)
        return .sent
    }

    /// Asks the queue for room.
    ///
    /// - Returns: `nil` when there is, after the policy has done what it says.
    private func refusal(of length: Int) -> SendResult? {
        let dropped = self.queue.droppedCount
        if self.queue.isEmpty { self.loop.metrics.queued(bytes: self.bufferedAmount, self.role) }
        let offer = self.queue.offer(length: length, inFlight: self.inFlight)
        if self.queue.droppedCount > dropped {
            self.loop.metrics.dropped(self.queue.droppedCount - dropped, self.role)
        }
        switch offer {
        case .accepted: return nil
        case .refused: return .full
        case .overflow:
            self.close(.tryAgainLater, reason: "the client reads too slowly")
            return .closed
        }
    }
}
