// Compressed messages (RFC 7692, section 7.2.2): they are inflated piece by piece, never beyond the limit.
import NIOCore

extension MessageDecoder {
    /// The cap of messages that are inflated.
    var inflationLimit: InflationLimit { InflationLimit(messageSize: self.limits.maximumMessageSize) }

    mutating func beginInflating() {
        guard let compression = self.compression else { return }
        self.assembled = compression.contexts.borrowBuffer()
        if compression.inflater == nil {
            self.compression?.inflater = compression.contexts.borrowInflater(windowBits: compression.windowBits)
        }
    }

    /// The result of inflating some compressed input.
    private enum Progress {
        case needsInput
        /// A part is full, and there may be more.
        case partFull
        case violation(ProtocolViolation)
    }

    mutating func continueCompressedFrame(
        _ open: OpenFrame, in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int
    ) -> Event? {
        var frame = open
        let header = frame.header
        let count = min(header.payloadLength - frame.received, bytes.count - consumed)
        let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[consumed..<consumed + count])
        if let key = header.maskingKey {
            // What did not go into the inflater last time is already unmasked.
            let masked = UnsafeMutableRawBufferPointer(rebasing: piece[frame.unmasked...])
            Mask.apply(key, offset: frame.received + frame.unmasked, inPlace: masked)
        }
        let (taken, progress) = self.inflate(UnsafeRawBufferPointer(piece))
        consumed += taken
        frame.received += taken
        frame.unmasked = count - taken
        switch progress {
        case .violation(let violation):
            return self.fail(violation)
        case .partFull:
            self.frame = frame
            self.message?.hasMoreOutput = true
            return self.partTaken(isLast: false).map { .assembledPart($0) }
        case .needsInput:
            self.message?.hasMoreOutput = false
        }
        let isWhole = frame.received == header.payloadLength
        self.frame = isWhole ? nil : frame
        if isWhole {
            if header.isFinal { self.message?.tailFed = 0 }
            return nil
        }
        guard self.delivery == .parts, self.assembled.readableBytes > 0 else { return .needMoreData }
        return self.partTaken(isLast: false).map { .assembledPart($0) }
    }

    /// Passes the four bytes that no message carries to the inflater, after the last frame of a message.
    mutating func feedTail() -> Event {
        guard let message = self.message, let fed = message.tailFed else { return .needMoreData }
        let (taken, progress) = Deflater.tail.withUnsafeBytes {
            self.inflate(UnsafeRawBufferPointer(rebasing: $0[fed...]))
        }
        self.message?.tailFed = fed + taken
        switch progress {
        case .violation(let violation):
            return self.fail(violation)
        case .partFull:
            return self.partTaken(isLast: false).map { .assembledPart($0) } ?? .needMoreData
        case .needsInput:
            break
        }
        if message.kind == .text, !(self.message?.utf8.isAtCharacterBoundary ?? true) {
            return self.fail(.textNotUTF8)
        }
        if self.compression?.noContextTakeover ?? false, let inflater = self.compression?.inflater {
            self.compression?.contexts.giveBack(inflater)
            self.compression?.inflater = nil
        }
        if self.delivery == .parts, message.isPartlyDelivered {
            return self.partTaken(isLast: true).map { .assembledPart($0) } ?? .needMoreData
        }
        self.message = nil
        return .assembledMessage(message.kind)
    }

    private mutating func inflate(_ input: UnsafeRawBufferPointer) -> (taken: Int, Progress) {
        guard let inflater = self.compression?.inflater, let message = self.message else { return (0, .needsInput) }
        if self.assembled.capacity == 0, let contexts = self.compression?.contexts {
            self.assembled = contexts.borrowBuffer()  // the last part was taken away
        }
        let allowed = self.limits.maximumMessageSize - message.length
        let room = self.delivery == .parts ? Self.maximumPartSize - self.assembled.readableBytes : .max
        let start = self.assembled.writerIndex
        let (firstTaken, status) = inflater.inflate(input, into: &self.assembled, maximumOutput: min(allowed, room))
        var taken = firstTaken
        let added = self.assembled.writerIndex - start
        self.message?.length += added
        if message.kind == .text, added > 0 {
            let isValid = self.assembled.withUnsafeReadableBytes { bytes in
                self.message?.utf8.consume(UnsafeRawBufferPointer(rebasing: bytes.suffix(added))) ?? true
            }
            guard isValid else { return (taken, .violation(.textNotUTF8)) }
        }
        if status == .corrupt { return (taken, .violation(.compressedDataCorrupt)) }
        guard status == .outputFull else { return (taken, .needsInput) }
        guard added == allowed else { return (taken, .partFull) }
        let (more, violation) = self.inflationLimit.check(
            inflater, beforeTaking: UnsafeRawBufferPointer(rebasing: input[taken...]))
        taken += more
        if let violation { return (taken, .violation(violation)) }
        return (taken, .needsInput)
    }
}
