// From frames to the kernel: gathered, sent directly, and what it does not take through NIO, in order.
import MartletProtocol
import NIOCore

extension WebSocket {
    /// Bytes that are given to NIO at a time; a ping or pong waits behind no more than these.
    private static let writeSize = 64 * 1024

    /// Frames were appended to the loop's output buffer, from `start` on: leaves them there until the end of the read,
    /// or sends them and takes them off.
    func outputGrew(from start: Int) {
        if !self.isCorked {
            self.transmitOutput(from: start)
        } else if self.loop.output.readableBytes >= self.configuration.outboundQueueLimit {
            self.flushCork()
        }
    }

    /// Sends what the loop's output buffer holds from `start` on, and takes it off.
    private func transmitOutput(from start: Int) {
        let count = self.loop.output.writerIndex - start
        let rest = self.loop.output.withUnsafeReadableBytes { bytes in
            self.sendDirectly(UnsafeRawBufferPointer(rebasing: bytes.suffix(count)))
        }
        self.loop.output.moveWriterIndex(to: start)
        self.loop.shrinkOutputIfNeeded()
        if let rest { self.writeToChannel(rest) }
    }

    /// Sends frames that are kept by somebody else.
    ///
    /// - Returns: whether the kernel took all of them; otherwise NIO has the rest, and ``drainQueue()`` follows.
    @discardableResult
    func transmit(_ frames: UnsafeRawBufferPointer) -> Bool {
        guard let rest = self.sendDirectly(frames) else { return true }
        return self.writeToChannel(rest)
    }

    /// Sends the rest of frames that somebody else has begun to send (``ReadySockets``).
    func transmit(_ frames: UnsafeRawBufferPointer, behind sent: Int) {
        self.loop.metrics.sent(bytes: sent, self.role)
        self.writeToChannel(self.rest(of: frames, sent: sent))
    }

    /// - Returns: what is for NIO to write; `nil` when the kernel took everything.
    private func sendDirectly(_ frames: UnsafeRawBufferPointer) -> ByteBuffer? {
        let sent = self.directSocket?.send(frames) ?? 0
        self.loop.metrics.sent(bytes: sent, self.role)
        if sent == frames.count { return nil }
        return self.rest(of: frames, sent: sent)
    }

    /// - Returns: what is for NIO to write next.
    private func rest(of frames: UnsafeRawBufferPointer, sent: Int) -> ByteBuffer {
        if frames.count - sent > Self.writeSize { return self.splitRest(of: frames, sent: sent) }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: frames[sent...]))
    }

    /// Puts the frames that the kernel has not begun into the queue, which is empty, so that control frames can go
    /// before them.
    ///
    /// - Returns: the rest of the frame that it has begun, to be given to NIO; or the first frame.
    private func splitRest(of frames: UnsafeRawBufferPointer, sent: Int) -> ByteBuffer {
        assert(self.queue.isEmpty)
        var start = 0
        var rest: ByteBuffer?
        while start < frames.count {
            let frame = UnsafeRawBufferPointer(rebasing: frames[start...])
            guard
                case .header(let header, let length) = FrameHeader.decode(
                    frame, role: self.role.peer, allowsCompression: true)
            else {
                assertionFailure("our own frames are well-formed")
                break
            }
            let end = start + length + header.payloadLength
            if rest == nil {
                if end > sent {
                    rest = ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: frames[max(start, sent)..<end]))
                }
            } else {
                let isWhole = header.isFinal && header.opcode != .continuation && !header.opcode.isControl
                self.queue.append(
                    (), length: end - start, isDroppable: isWhole && !(self.compressor?.keepsContext ?? false),
                    continues: header.opcode == .continuation
                ) { $0.writeBytes(UnsafeRawBufferPointer(rebasing: frames[start..<end])) }
            }
            start = end
        }
        return rest ?? ByteBuffer()
    }

    /// The way through NIO: for what a direct send left over, and for everything on TLS. One write at a time, so that
    /// what waits behind it can still be dropped.
    ///
    /// NIO may take everything before this returns. The handler is not told then: nobody may be called from here, in the
    /// middle of whatever is being sent.
    ///
    /// - Returns: whether it did.
    @discardableResult
    func writeToChannel(_ bytes: ByteBuffer) -> Bool {
        guard let context = self.context, self.phase != .closed else { return false }
        self.isNotReady()
        self.inFlight += bytes.readableBytes
        let promise = context.eventLoop.makePromise(of: Void.self)
        let count = bytes.readableBytes
        self.loop.metrics.sent(bytes: count, self.role)
        self.isWritingToChannel = true
        promise.futureResult.assumeIsolated().whenComplete { result in
            if self.isWritingToChannel { self.writtenAtOnce = result } else { self.wroteToChannel(count, result) }
        }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
        self.isWritingToChannel = false
        guard let result = self.writtenAtOnce else { return false }
        self.writtenAtOnce = nil
        self.inFlight -= count
        guard case .success = result else {
            self.directSocket = nil
            return false
        }
        if !self.queue.isEmpty, !self.isDraining { self.drainSoon() }
        return true
    }

    private func drainSoon() {
        self.isDraining = true
        self.eventLoop.assumeIsolated().execute {
            self.isDraining = false
            if self.inFlight == 0 { self.drainQueue() }
        }
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

    /// The channel has taken everything: what waited may go, control frames first.
    private func drainQueue() {
        self.isDraining = true
        defer { self.isDraining = false }
        repeat {
            var bytes = ByteBuffer()
            if let payload = self.pendingPong {
                self.pendingPong = nil
                self.encodeControl(.pong, payload, into: &bytes)
            }
            if let payload = self.pendingPing {
                self.pendingPing = nil
                self.encodeControl(.ping, payload, into: &bytes)
            }
            if !self.queue.isEmpty { self.queue.take(upTo: Self.writeSize, into: &bytes) }
            if self.queue.isEmpty, let frame = self.pendingClose {
                self.pendingClose = nil
                self.encodeControl(.close, frame.body, into: &bytes)
            }
            if bytes.readableBytes > 0 {
                let sent = bytes.withUnsafeReadableBytes { self.directSocket?.send($0) ?? 0 }
                self.loop.metrics.sent(bytes: sent, self.role)
                if sent < bytes.readableBytes {
                    bytes.moveReaderIndex(forwardBy: sent)
                    guard self.writeToChannel(bytes) else { return }
                }
            }
        } while !self.queue.isEmpty
        self.isDraining = false
        if self.phase == .open { self.handler.drained(self) } else { self.closeFrameLeft() }
    }

    /// Answers a ping. While bytes wait only the latest is answered (RFC 6455, section 5.5.3), so that a flood of
    /// pings costs no memory.
    func sendPong(_ payload: [UInt8]) {
        guard self.phase == .open else { return }
        if self.hasBacklog { self.pendingPong = payload } else { self.sendControl(.pong, payload) }
    }

    /// Gathers what `body` sends and sends it in one go.
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
