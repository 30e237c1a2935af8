// From messages to frames: compressed, split, masked, and put where they leave from.
import MartletProtocol
import NIOCore

extension WebSocket {
    private func nextMaskingKey() -> UInt32? {
        self.role == .client ? self.loop.maskingKeys.next() : nil
    }

    /// Encodes a message behind what waits, or sends it at once. It is not refused.
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
        var start = 0
        repeat {
            let end = min(start + size, payload.count)
            self.enqueue(
                start == 0 ? kind.opcode : .continuation, isFinal: end == payload.count,
                isCompressed: isCompressed && start == 0, isDroppable: isDroppable && start == 0,
                continues: start > 0, UnsafeRawBufferPointer(rebasing: payload[start..<end]))
            start = end
        } while start < payload.count
    }

    /// Encodes a part of a message, in as many frames as it takes. A part that the compressor keeps gives none.
    func write(_ part: MessagePart, _ payload: UnsafeRawBufferPointer, compress: Bool) {
        if part.isFirst {
            self.parts = OpenParts(kind: part.kind, isCompressed: compress && self.compressor != nil)
        }
        guard let parts = self.parts else { return }
        if parts.isCompressed {
            var bytes = self.loop.compression.borrowBuffer()
            self.compressor?.compressPart(payload, isLast: part.isLast, into: &bytes)
            bytes.withUnsafeReadableBytes { self.writeFragments(isLast: part.isLast, $0) }
            self.loop.compression.giveBack(bytes)
        } else {
            self.writeFragments(isLast: part.isLast, payload)
        }
        if part.isLast { self.parts = nil }
    }

    private func writeFragments(isLast: Bool, _ payload: UnsafeRawBufferPointer) {
        guard isLast || !payload.isEmpty, let parts = self.parts else { return }
        let size = self.configuration.fragmentSize
        var hasBegun = parts.hasBegun
        var start = 0
        repeat {
            let end = min(start + size, payload.count)
            let opcode = hasBegun ? .continuation : parts.kind.opcode
            let isFinal = isLast && end == payload.count
            let isCompressed = parts.isCompressed && !hasBegun
            let fragment = UnsafeRawBufferPointer(rebasing: payload[start..<end])
            if self.hasBacklog {
                self.enqueue(
                    opcode, isFinal: isFinal, isCompressed: isCompressed, isDroppable: false, continues: hasBegun,
                    fragment)
            } else {
                let before = self.loop.output.writerIndex
                self.loop.output.writeFrame(
                    opcode, isFinal: isFinal, isCompressed: isCompressed, maskingKey: self.nextMaskingKey(),
                    payload: fragment)
                self.outputGrew(from: before)
            }
            hasBegun = true
            start = end
        } while start < payload.count
        self.parts?.hasBegun = true
        if isLast { self.loop.metrics.sent(messages: 1, self.role) }
    }

    private func enqueue(
        _ opcode: Opcode, isFinal: Bool, isCompressed: Bool, isDroppable: Bool, continues: Bool,
        _ payload: UnsafeRawBufferPointer
    ) {
        let key = self.nextMaskingKey()
        self.queue.append(
            (), length: payload.count + FrameHeader.maximumLength, isDroppable: isDroppable, continues: continues
        ) {
            $0.writeFrame(opcode, isFinal: isFinal, isCompressed: isCompressed, maskingKey: key, payload: payload)
        }
    }

    /// The frames of a prepared message as this connection's peer is to get them.
    func frames(of message: PreparedMessage) -> ByteBuffer {
        guard let frames = self.compressor?.compressed(message) else { return message.frames }
        // The peer's window holds it and ours does not: nothing later may refer to anything before.
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
            self.queue.append((), length: frames.readableBytes, isDroppable: true) { $0.writeImmutableBuffer(frames) }
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
        self.encodeControl(opcode, payload, into: &self.loop.output)
        self.outputGrew(from: start)
    }

    func encodeControl(_ opcode: Opcode, _ payload: [UInt8], into buffer: inout ByteBuffer) {
        if opcode == .ping {
            self.outstandingPings.append((payload, self.eventLoop.now))
            if self.outstandingPings.count > 16 { self.outstandingPings.removeFirst() }
        }
        let key = self.nextMaskingKey()
        payload.withUnsafeBytes { _ = buffer.writeFrame(opcode, maskingKey: key, payload: $0) }
    }
}
