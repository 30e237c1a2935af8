public import NIOCore

/// Turns received bytes into messages and control frames, and finds every violation of RFC 6455 on the way.
///
/// A pure state machine: the caller hands it each piece of the stream and calls ``next(in:consumed:)`` until it
/// answers ``Event/needMoreData``. A message that lies whole in the piece is unmasked where it lies and reported as a
/// range of it, without a copy; any other is gathered in one buffer.
public struct MessageDecoder: Sendable {
    public enum Event: Sendable, Hashable {
        /// Everything has been consumed.
        case needMoreData
        /// A whole message; its unmasked payload is this range of the bytes given.
        case message(MessageKind, Range<Int>)
        /// A whole message that came in several pieces: fetch it with ``MessageDecoder/takeAssembledMessage()``.
        case assembledMessage(MessageKind)
        /// The payload is in ``MessageDecoder/controlPayload`` until the next call.
        case ping
        /// The payload is in ``MessageDecoder/controlPayload`` until the next call.
        case pong
        /// Whatever follows is ignored (RFC 6455, section 5.5.1).
        case close(CloseFrame)
        /// The connection must be failed; whatever follows is ignored (section 7.1.7).
        case violation(ProtocolViolation)
    }

    /// A frame of which the header is known and the payload is still coming.
    private struct OpenFrame {
        var header: FrameHeader
        var received = 0
    }

    /// Up to this many bytes are set aside for a message on the word of its header alone; more only as they come.
    private static let trustedReservation = 64 * 1024

    private let role: Role
    private let limits: MessageLimits

    /// Header bytes that came at the end of a piece.
    private var carry = InlineArray<14, UInt8>(repeating: 0)
    private var carryCount = 0
    private var frame: OpenFrame?

    /// The message whose fragments are coming, and how many did.
    private var fragmentedKind: MessageKind?
    private var fragmentCount = 0
    private var assembled = ByteBuffer()
    private var utf8 = UTF8Validator()
    private var isFinished = false

    /// The unmasked payload of the latest ping or pong, at most 125 bytes.
    public private(set) var controlPayload: [UInt8] = []

    /// - Parameter role: which end we are; it decides whether masked frames are expected.
    public init(role: Role, limits: MessageLimits = MessageLimits()) {
        self.role = role
        self.limits = limits
    }

    /// The message announced by ``Event/assembledMessage(_:)``.
    public mutating func takeAssembledMessage() -> ByteBuffer {
        var message = ByteBuffer()
        swap(&message, &self.assembled)
        return message
    }

    /// The next event in `bytes` from `consumed` on, which is moved past what the event took.
    public mutating func next(in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int) -> Event {
        while true {
            if self.isFinished {
                consumed = bytes.count
                return .needMoreData
            }
            if self.frame == nil {
                switch self.nextHeader(in: bytes, consumed: &consumed) {
                case .needMoreData:
                    return .needMoreData
                case .violation(let violation):
                    return self.fail(violation)
                case .header(let header, _):
                    if header.isFinal, !header.opcode.isControl, header.opcode != .continuation,
                        self.fragmentedKind == nil, header.payloadLength <= bytes.count &- consumed
                    {
                        return self.wholeMessage(header, in: bytes, consumed: &consumed)
                    }
                    if let violation = self.begin(header) { return self.fail(violation) }
                }
            }
            if let event = self.continueFrame(in: bytes, consumed: &consumed) { return event }
        }
    }

    private mutating func nextHeader(
        in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int
    ) -> FrameHeader.DecodingResult {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
        if self.carryCount == 0 {
            let result = FrameHeader.decode(rest, role: self.role)
            switch result {
            case .header(_, let length):
                consumed &+= length
            case .needMoreData:
                for byte in rest {
                    self.carry[self.carryCount] = byte
                    self.carryCount &+= 1
                }
                consumed = bytes.count
            case .violation:
                break
            }
            return result
        }
        // The header began in an earlier piece: complete it in the carry.
        let carried = self.carryCount
        let added = min(FrameHeader.maximumLength - carried, rest.count)
        for index in 0..<added { self.carry[carried + index] = rest[index] }
        let available = carried + added
        let result = withUnsafeBytes(of: self.carry) {
            FrameHeader.decode(UnsafeRawBufferPointer(rebasing: $0[..<available]), role: self.role)
        }
        switch result {
        case .header(_, let length):
            consumed += length - carried
            self.carryCount = 0
        case .needMoreData:
            consumed += added
            self.carryCount = available
        case .violation:
            break
        }
        return result
    }

    /// The usual case: an unfragmented message that lies in `bytes` to its end.
    private mutating func wholeMessage(
        _ header: FrameHeader, in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int
    ) -> Event {
        guard header.payloadLength <= self.limits.maximumMessageSize else {
            return self.fail(.messageTooBig(limit: self.limits.maximumMessageSize))
        }
        let range = Range(uncheckedBounds: (consumed, consumed &+ header.payloadLength))
        let payload = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
        if let key = header.maskingKey { Mask.apply(key, inPlace: payload) }
        consumed = range.upperBound
        guard header.opcode == .text else { return .message(.binary, range) }
        var utf8 = UTF8Validator()
        guard utf8.consume(UnsafeRawBufferPointer(payload)), utf8.isAtCharacterBoundary else {
            return self.fail(.textNotUTF8)
        }
        return .message(.text, range)
    }

    /// Checks that this frame may come now and fits the limits, before any memory is taken for it.
    private mutating func begin(_ header: FrameHeader) -> ProtocolViolation? {
        switch header.opcode {
        case .text, .binary:
            guard self.fragmentedKind == nil else { return .messageInsideMessage }
            self.fragmentedKind = header.opcode == .text ? .text : .binary
            self.fragmentCount = 0
            self.utf8 = UTF8Validator()
            self.assembled.clear()
        case .continuation:
            guard self.fragmentedKind != nil else { return .continuationWithoutStart }
        case .close, .ping, .pong:
            self.controlPayload.removeAll(keepingCapacity: true)
            self.frame = OpenFrame(header: header)
            return nil
        }
        self.fragmentCount += 1
        guard self.fragmentCount <= self.limits.maximumFragmentCount else {
            return .tooManyFragments(limit: self.limits.maximumFragmentCount)
        }
        guard header.payloadLength <= self.limits.maximumMessageSize - self.assembled.readableBytes else {
            return .messageTooBig(limit: self.limits.maximumMessageSize)
        }
        self.assembled.reserveCapacity(minimumWritableBytes: min(header.payloadLength, Self.trustedReservation))
        self.frame = OpenFrame(header: header)
        return nil
    }

    /// Takes what is there of the open frame's payload.
    ///
    /// - Returns: `nil` when the frame ended without an event (a fragment that is not the last).
    private mutating func continueFrame(in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int) -> Event? {
        guard var frame = self.frame else { return nil }
        let header = frame.header
        let count = min(header.payloadLength - frame.received, bytes.count - consumed)
        let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[consumed..<consumed + count])
        if let key = header.maskingKey { Mask.apply(key, offset: frame.received, inPlace: piece) }
        consumed += count
        if header.opcode.isControl {
            self.controlPayload.append(contentsOf: piece)
        } else {
            if self.fragmentedKind == .text, !self.utf8.consume(UnsafeRawBufferPointer(piece)) {
                return self.fail(.textNotUTF8)
            }
            if self.assembled.writableBytes < count {
                // More than was set aside has really come: now the rest of the frame gets its place in one go.
                self.assembled.reserveCapacity(minimumWritableBytes: header.payloadLength - frame.received)
            }
            self.assembled.writeBytes(UnsafeRawBufferPointer(piece))
        }
        frame.received += count
        guard frame.received == header.payloadLength else {
            self.frame = frame
            return .needMoreData
        }
        self.frame = nil
        return self.end(header)
    }

    private mutating func end(_ header: FrameHeader) -> Event? {
        switch header.opcode {
        case .ping: return .ping
        case .pong: return .pong
        case .close:
            switch CloseFrame.decode(self.controlPayload) {
            case .success(let close):
                self.finish()
                return .close(close)
            case .failure(let violation):
                return self.fail(violation)
            }
        case .text, .binary, .continuation:
            guard header.isFinal, let kind = self.fragmentedKind else { return nil }
            if kind == .text, !self.utf8.isAtCharacterBoundary { return self.fail(.textNotUTF8) }
            self.fragmentedKind = nil
            return .assembledMessage(kind)
        }
    }

    private mutating func fail(_ violation: ProtocolViolation) -> Event {
        self.finish()
        return .violation(violation)
    }

    /// Nothing after this is looked at, and what was gathered is let go.
    private mutating func finish() {
        self.isFinished = true
        self.frame = nil
        self.assembled = ByteBuffer()
    }
}
