// Messages that are not contained in one piece of input: fragments, large frames, control frames.
import NIOCore

extension MessageDecoder {
    /// Checks that this frame is allowed now and within the limits, before any memory is allocated for it.
    mutating func begin(_ header: FrameHeader) -> ProtocolViolation? {
        switch header.opcode {
        case .text, .binary:
            guard self.message == nil else { return .messageInsideMessage }
            self.messageMark &+= 1
            self.message = OpenMessage(
                kind: header.opcode == .text ? .text : .binary, isCompressed: header.isCompressed)
            self.assembled.clear()
            if header.isCompressed { self.beginInflating() }
        case .continuation:
            guard self.message != nil else { return .continuationWithoutStart }
        case .close, .ping, .pong:
            self.controlPayload.removeAll(keepingCapacity: true)
            self.frame = OpenFrame(header: header)
            return nil
        }
        return self.countFragment(header)
    }

    private mutating func countFragment(_ header: FrameHeader) -> ProtocolViolation? {
        guard var message = self.message else { return nil }
        message.fragmentCount += 1
        guard message.fragmentCount - message.length / 4096 <= self.limits.maximumFragmentCount else {
            return .tooManyFragments(limit: self.limits.maximumFragmentCount)
        }
        if message.isCompressed {
            guard header.payloadLength <= self.inflationLimit.compressedSize - message.compressedLength else {
                return .messageTooBig(limit: self.limits.maximumMessageSize)
            }
            message.compressedLength += header.payloadLength
        } else {
            guard header.payloadLength <= self.limits.maximumMessageSize - message.length else {
                return .messageTooBig(limit: self.limits.maximumMessageSize)
            }
            message.length += header.payloadLength
            if self.delivery == .whole {
                self.assembled.reserveCapacity(
                    minimumWritableBytes: min(header.payloadLength, Self.trustedReservation))
            }
        }
        self.message = message
        self.frame = OpenFrame(header: header)
        return nil
    }

    /// Consumes the available bytes of the open frame's payload.
    ///
    /// - Returns: `nil` when the frame ended without an event, and the next one may follow at once.
    mutating func continueFrame(in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int) -> Event? {
        guard var frame = self.frame else { return nil }
        if self.message?.isCompressed ?? false, !frame.header.opcode.isControl {
            return self.continueCompressedFrame(frame, in: bytes, consumed: &consumed)
        }
        let header = frame.header
        let count = min(header.payloadLength - frame.received, bytes.count - consumed)
        let range = consumed..<consumed + count
        let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
        if let key = header.maskingKey { Mask.apply(key, offset: frame.received, inPlace: piece) }
        consumed += count
        frame.received += count
        let isWhole = frame.received == header.payloadLength
        self.frame = isWhole ? nil : frame
        if header.opcode.isControl {
            self.controlPayload.append(contentsOf: piece)
            return isWhole ? self.endControlFrame(header.opcode) : .needMoreData
        }
        if self.message?.kind == .text, !(self.message?.utf8.consume(UnsafeRawBufferPointer(piece)) ?? true) {
            return self.fail(.textNotUTF8)
        }
        let isLast = isWhole && header.isFinal
        if isLast, self.message?.kind == .text, !(self.message?.utf8.isAtCharacterBoundary ?? true) {
            return self.fail(.textNotUTF8)
        }
        if self.delivery == .parts {
            guard count > 0 || isLast else { return isWhole ? nil : .needMoreData }
            return self.partTaken(isLast: isLast).map { .part($0, range) }
        }
        if self.assembled.writableBytes < count {
            // More than was reserved has arrived: now reserve the rest of the frame at once.
            self.assembled.reserveCapacity(
                minimumWritableBytes: count + header.payloadLength - frame.received)
        }
        self.assembled.writeBytes(UnsafeRawBufferPointer(piece))
        guard isLast, let kind = self.message?.kind else { return isWhole ? nil : .needMoreData }
        self.message = nil
        return .assembledMessage(kind)
    }

    /// Notes that a part of the message is being reported.
    mutating func partTaken(isLast: Bool) -> MessagePart? {
        guard let message = self.message else { return nil }
        self.message?.isPartlyDelivered = true
        self.messageMark &+= 1
        if isLast { self.message = nil }
        return MessagePart(kind: message.kind, isFirst: !message.isPartlyDelivered, isLast: isLast)
    }

    private mutating func endControlFrame(_ opcode: Opcode) -> Event? {
        switch opcode {
        case .ping: return .ping
        case .pong: return .pong
        default:
            switch CloseFrame.decode(self.controlPayload) {
            case .success(let close):
                self.finish()
                return .close(close)
            case .failure(let violation):
                return self.fail(violation)
            }
        }
    }
}
