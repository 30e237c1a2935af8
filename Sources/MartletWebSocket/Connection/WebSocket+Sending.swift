// Sending: from messages to frames, and from frames to the kernel, or to NIO if the kernel does not take them.
import CMartletSystem
public import MartletProtocol
public import NIOCore

// MARK: Messages

extension WebSocket {
    /// Sends a message, or queues it, or applies ``WebSocketConfiguration/overflowPolicy``.
    ///
    /// - Parameters:
    ///   - payload: the payload; must be UTF-8 when `kind` is text, which is not checked.
    ///   - compress: `false` to send it uncompressed even if compression was agreed on.
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
        guard self.core.phase == .open else { return .closed }
        guard !self.isSendingParts else { return .full }
        let frames = self.frames(of: message)
        if self.hasBacklog, let refusal = self.refusal(of: frames.readableBytes) { return refusal }
        self.write(preparedFrames: frames)
        return .sent
    }

    /// Sends a part of a message whose length need not be known; the parts of one message must follow each other.
    ///
    /// Until the last part is sent, sending a whole message returns ``SendResult/full``. Pings and close frames are
    /// still sent.
    ///
    /// - Parameter payload: the part's bytes; the parts of a text must be UTF-8 together, which is not checked.
    /// - Returns: ``SendResult/full`` if the part was not taken, whatever the policy: wait for
    ///   ``WebSocketHandler/drained(_:)``.
    public func send(_ part: MessagePart, _ payload: RawSpan, compress: Bool = true) -> SendResult {
        guard self.core.phase == .open else { return .closed }
        precondition(part.isFirst != self.isSendingParts, "the parts of a message begin with the first")
        return payload.withUnsafeBytes { payload in
            if self.hasBacklog, self.bufferedAmount + payload.count > self.configuration.outboundQueueLimit {
                return .full
            }
            self.write(part, payload, compress: compress)
            return .sent
        }
    }

    /// Sends a ping. While other bytes wait to be sent, only the latest ping is kept.
    ///
    /// - Parameter payload: at most 125 bytes, which come back in the pong. The ping updates ``latency``.
    public func ping(_ payload: [UInt8] = []) {
        precondition(payload.count <= 125, "a control frame carries at most 125 bytes (RFC 6455, section 5.5)")
        if self.core.ping(payload) { self.sendControl(.ping, payload) }
    }

    /// Sends messages that were encoded once for many connections: one system call for all of them.
    ///
    /// - Returns: how many of the messages were taken.
    public func send(_ batch: PreparedBatch) -> Int {
        guard self.core.phase == .open, !self.isSendingParts else { return 0 }
        if self.role == .server, !self.hasBacklog, !batch.isEmpty {
            let frames = self.compressor.map { batch.frames(compressedBy: $0) } ?? batch.frames
            if frames.readableBytes <= self.core.queue.limit || batch.count == 1 {
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

    /// The address of the connection in memory, for ``prefetch(_:)``.
    package var memoryAddress: UnsafeRawPointer { UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// Brings a connection into the processor's cache, shortly before a message is sent on it: worth it in a loop over
    /// many.
    ///
    /// - Parameter address: a ``memoryAddress``; the connection may have been freed since.
    package static func prefetch(_ address: UnsafeRawPointer) {
        for line in 0..<4 { martlet_prefetch(address + line * 64) }
    }

    /// The overflow policy; at first that of the configuration.
    package var overflowPolicy: OverflowPolicy {
        get { self.core.queue.policy }
        set { self.core.queue.policy = newValue }
    }

    /// The number of messages that ``overflowPolicy`` dropped.
    package var droppedMessages: Int { self.core.queue.droppedCount }

    private func send(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer, compress: Bool) -> SendResult {
        guard self.core.phase == .open else { return .closed }
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
    /// - Returns: `nil` if there is room, after the policy has been applied.
    private func refusal(of length: Int) -> SendResult? {
        let dropped = self.core.queue.droppedCount
        if self.core.queue.isEmpty { self.loop.metrics.queued(bytes: self.bufferedAmount, self.role) }
        let offer = self.core.queue.offer(length: length, inFlight: self.core.inFlight)
        if self.core.queue.droppedCount > dropped {
            self.loop.metrics.dropped(self.core.queue.droppedCount - dropped, self.role)
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

// MARK: Frames

extension WebSocket {
    private func nextMaskingKey() -> UInt32? {
        self.role == .client ? self.loop.maskingKeys.next() : nil
    }

    /// Encodes a message after the waiting ones, or sends it at once. It is not refused.
    func write(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer, compress: Bool) {
        guard compress, self.compressor?.isWorthwhile(length: payload.count) ?? false else {
            self.write(kind, isCompressed: false, payload)
            return
        }
        var bytes = self.loop.compression.borrowBuffer()
        if self.compressor?.compress(payload, into: &bytes) ?? false {
            bytes.withUnsafeReadableBytes { self.write(kind, isCompressed: true, $0) }
        } else {
            self.write(kind, isCompressed: false, payload)
        }
        self.loop.compression.giveBack(bytes)
    }

    private func write(_ kind: MessageKind, isCompressed: Bool, _ payload: UnsafeRawBufferPointer) {
        let size = self.configuration.fragmentSize
        guard self.hasBacklog else {
            let start = self.loop.output.writerIndex
            self.loop.output.writeMessage(kind, isCompressed: isCompressed, fragmentSize: size, payload: payload) {
                self.nextMaskingKey()
            }
            self.loop.metrics.sent(messages: 1, self.role)
            self.outputGrew(from: start)
            return
        }
        self.loop.metrics.sent(messages: 1, self.role)
        // A compressed message that later ones refer to must not be dropped.
        let isDroppable = !(isCompressed && self.compressor?.keepsContext ?? false)
        self.core.enqueue(
            kind, isCompressed: isCompressed, isDroppable: isDroppable, fragmentSize: size, payload
        ) { self.nextMaskingKey() }
    }

    /// Encodes a part of a message, in as many frames as needed. A part that the compressor keeps gives none.
    func write(_ part: MessagePart, _ payload: UnsafeRawBufferPointer, compress: Bool) {
        if part.isFirst {
            self.isNotReady()
            self.core.beginParts(part.kind, isCompressed: compress && self.compressor != nil)
        }
        guard let parts = self.core.parts else { return }
        if parts.isCompressed {
            var bytes = self.loop.compression.borrowBuffer()
            self.compressor?.compressPart(payload, isLast: part.isLast, into: &bytes)
            bytes.withUnsafeReadableBytes { self.writeFragments(isLast: part.isLast, $0) }
            self.loop.compression.giveBack(bytes)
        } else {
            self.writeFragments(isLast: part.isLast, payload)
        }
        if part.isLast { self.core.endParts() }
    }

    private func writeFragments(isLast: Bool, _ payload: UnsafeRawBufferPointer) {
        var start: Int? = 0
        while let fragment = self.core.nextFragment(
            of: payload.count, isLast: isLast, fragmentSize: self.configuration.fragmentSize, from: &start)
        {
            let bytes = UnsafeRawBufferPointer(rebasing: payload[fragment.range])
            let key = self.nextMaskingKey()
            guard !self.hasBacklog else {
                self.core.enqueue(fragment, bytes, key)
                continue
            }
            let before = self.loop.output.writerIndex
            self.loop.output.writeFrame(
                fragment.opcode, isFinal: fragment.isFinal, isCompressed: fragment.isCompressed, maskingKey: key,
                payload: bytes)
            self.outputGrew(from: before)
        }
        if isLast { self.loop.metrics.sent(messages: 1, self.role) }
    }

    /// Returns the frames of a prepared message for this connection's peer.
    func frames(of message: PreparedMessage) -> ByteBuffer {
        guard let frames = self.compressor?.compressed(message) else { return message.frames }
        // The peer's window contains it and ours does not: later messages must not refer to anything before it.
        self.compressor?.forgetPast()
        return frames
    }

    /// Sends a message that was encoded for many connections. It is not refused.
    func write(prepared message: PreparedMessage) {
        guard self.role == .server else {
            message.payload.withUnsafeReadableBytes {
                self.write(message.kind, $0, compress: message.mayBeCompressed)
            }
            return
        }
        self.write(preparedFrames: self.frames(of: message))
    }

    func write(preparedFrames frames: ByteBuffer) {
        self.loop.metrics.sent(messages: 1, self.role)
        if self.hasBacklog {
            self.core.queue.append((), length: frames.readableBytes, isDroppable: true) {
                $0.writeImmutableBuffer(frames)
            }
        } else if self.isCorked {
            let start = self.loop.output.writerIndex
            self.loop.output.writeImmutableBuffer(frames)
            self.outputGrew(from: start)
        } else {
            _ = frames.withUnsafeReadableBytes { self.transmit($0) }
        }
    }

    /// Sends a control frame now; there is no backlog.
    func sendControl(_ opcode: Opcode, _ payload: [UInt8]) {
        let start = self.loop.output.writerIndex
        let eventLoop = self.loop.executor.eventLoop
        self.core.encodeControl(
            opcode, payload, into: &self.loop.output, maskingKey: self.nextMaskingKey(), now: { eventLoop.now })
        self.outputGrew(from: start)
    }
}

// MARK: To the kernel

extension WebSocket {
    /// The most bytes that NIO is given at a time; a ping or pong waits for no more than these.
    private static let writeSize = 64 * 1024

    /// Handles frames that were appended to the loop's output buffer from `start` on: leaves them there until the end
    /// of the read, or sends and removes them.
    func outputGrew(from start: Int) {
        if !self.isCorked {
            self.transmitOutput(from: start)
        } else if self.loop.output.readableBytes >= self.configuration.outboundQueueLimit {
            self.flushCork()
        }
    }

    /// Sends the contents of the loop's output buffer from `start` on, and removes them.
    private func transmitOutput(from start: Int) {
        let count = self.loop.output.writerIndex - start
        let rest = self.loop.output.withUnsafeReadableBytes { bytes in
            self.sendDirectly(UnsafeRawBufferPointer(rebasing: bytes.suffix(count)))
        }
        self.loop.output.moveWriterIndex(to: start)
        self.loop.shrinkOutputIfNeeded()
        if let rest { self.writeToChannel(rest) }
    }

    /// Sends frames that the caller owns.
    ///
    /// - Returns: whether the kernel took all of them; otherwise NIO has the rest, and ``writeQueue()`` follows.
    @discardableResult
    func transmit(_ frames: UnsafeRawBufferPointer) -> Bool {
        guard let rest = self.sendDirectly(frames) else { return true }
        return self.writeToChannel(rest)
    }

    /// Sends the rest of frames that ``ReadySockets`` has begun to send.
    func transmit(_ frames: UnsafeRawBufferPointer, behind sent: Int) {
        self.loop.metrics.sent(bytes: sent, self.role)
        self.writeToChannel(self.rest(of: frames, sent: sent))
    }

    /// - Returns: the bytes for NIO to write; `nil` if the kernel took everything.
    private func sendDirectly(_ frames: UnsafeRawBufferPointer) -> ByteBuffer? {
        let sent = self.directSocket?.send(frames) ?? 0
        self.loop.metrics.sent(bytes: sent, self.role)
        if sent == frames.count { return nil }
        return self.rest(of: frames, sent: sent)
    }

    /// - Returns: the bytes for NIO to write next.
    private func rest(of frames: UnsafeRawBufferPointer, sent: Int) -> ByteBuffer {
        if frames.count - sent > Self.writeSize {
            return self.core.keepRest(
                of: frames, sent: sent, isDroppable: !(self.compressor?.keepsContext ?? false))
        }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: frames[sent...]))
    }

    /// Sends what waited, control frames first; called when the channel has taken everything.
    func writeQueue() {
        self.isWritingQueue = true
        defer { self.isWritingQueue = false }
        let eventLoop = self.loop.executor.eventLoop
        repeat {
            var bytes = self.core.takeOutput(
                upTo: Self.writeSize, maskingKey: { self.nextMaskingKey() }, now: { eventLoop.now })
            if bytes.readableBytes > 0 {
                let sent = bytes.withUnsafeReadableBytes { self.directSocket?.send($0) ?? 0 }
                self.loop.metrics.sent(bytes: sent, self.role)
                if sent < bytes.readableBytes {
                    bytes.moveReaderIndex(forwardBy: sent)
                    guard self.writeToChannel(bytes) else { return }
                }
            }
        } while !self.core.queue.isEmpty
        self.isWritingQueue = false
        if self.core.phase == .open { self.handler.drained(self) } else { self.closeFrameLeft() }
    }

    /// Gathers what `body` sends, and sends it together.
    func corked(_ body: () -> Void) {
        guard !self.isCorked, !self.loop.isCorkTaken else {
            body()
            return
        }
        self.loop.isCorkTaken = true
        self.isCorked = true
        body()
        self.uncork()
    }

    /// Ends a read: sends together what the handler sent during it.
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

// MARK: The slot among the ready sockets

extension WebSocket {
    /// The connection's slot among the ``ReadySockets`` of its loop; `nil` if it can never have one.
    package func takeReadyPlace() -> (loop: LoopContext, place: ReadySockets.Place)? {
        guard self.core.phase == .open, self.role == .server, self.compressor == nil, self.directSocket != nil else {
            return nil
        }
        let place = self.readyPlace ?? self.loop.ready.take(queueLimit: self.core.queue.limit)
        self.readyPlace = place
        return (self.loop, place)
    }

    /// Sends the rest of a batch that was begun through the connection's slot.
    ///
    /// - Parameter sent: how many bytes of its frames the kernel took: fewer than all.
    package func finish(_ batch: PreparedBatch, behind sent: Int) {
        self.loop.metrics.sent(messages: batch.count, self.role)
        batch.frames.withUnsafeReadableBytes { self.transmit($0, behind: sent) }
    }

    /// Marks the connection as ready, after a batch was sent in one piece.
    func isReady() {
        guard let place = self.readyPlace, self.core.phase == .open, self.core.parts == nil, !self.hasBacklog,
            let socket = self.directSocket
        else { return }
        self.loop.ready.fill(place, socket.descriptor)
    }

    /// Marks the connection as not ready; to be called when anything has changed that readiness depends on.
    func isNotReady() {
        if let place = self.readyPlace { self.loop.ready.clear(place) }
    }

    func giveReadyPlaceBack() {
        guard let place = self.readyPlace else { return }
        self.readyPlace = nil
        self.loop.ready.giveBack(place)
    }
}
