public import NIOCore

/// Turns received bytes into messages and control frames, and finds every violation of RFC 6455.
///
/// A pure state machine: the caller passes it each piece of input and calls ``next(in:consumed:)`` until it returns
/// ``Event/needMoreData``. A message that is contained in the piece is unmasked in place and reported as a range of it,
/// without a copy; any other is gathered in one buffer, or reported part by part.
public struct MessageDecoder {
    public enum Event: Sendable, Hashable {
        /// Everything has been consumed.
        case needMoreData
        /// A whole message; its unmasked payload is this range of the bytes given.
        case message(MessageKind, Range<Int>)
        /// A whole message that was compressed or came in several pieces: fetch it with
        /// ``MessageDecoder/takeAssembled()``.
        case assembledMessage(MessageKind)
        /// A part of a message, this range of the bytes given; see ``MessageDecoder/Delivery/parts``.
        case part(MessagePart, Range<Int>)
        /// A part of a compressed message: fetch it with ``MessageDecoder/takeAssembled()``.
        case assembledPart(MessagePart)
        /// The payload is in ``MessageDecoder/controlPayload`` until the next call.
        case ping
        /// The payload is in ``MessageDecoder/controlPayload`` until the next call.
        case pong
        /// Whatever follows is ignored (RFC 6455, section 5.5.1).
        case close(CloseFrame)
        /// The connection must be failed; whatever follows is ignored (section 7.1.7).
        case violation(ProtocolViolation)
    }

    /// The way in which messages that span several pieces of input are reported.
    public enum Delivery: Sendable, Hashable {
        /// Messages are gathered until they are whole.
        case whole
        /// Messages are reported as they arrive, at most ``MessageDecoder/maximumPartSize`` bytes of inflated data at a
        /// time. Text is checked as it arrives and may be cut within a character.
        case parts
    }

    /// The state that compressed messages need.
    struct Compression {
        let windowBits: Int
        let noContextTakeover: Bool
        let contexts: CompressionContexts
        /// The inflater; borrowed for one message, or for the connection's lifetime when the peer keeps its context.
        var inflater: Inflater?
    }

    /// A frame whose header is known and whose payload is still arriving.
    struct OpenFrame {
        var header: FrameHeader
        var received = 0
        /// The bytes of the input after those received that are already unmasked.
        var unmasked = 0
    }

    /// The data message whose frames are arriving.
    struct OpenMessage {
        let kind: MessageKind
        let isCompressed: Bool
        var fragmentCount = 0
        /// The bytes of payload: those announced, or those inflated if the message is compressed.
        var length = 0
        /// The compressed bytes that were announced.
        var compressedLength = 0
        var utf8 = UTF8Validator()
        /// Whether a part of it has been reported.
        var isPartlyDelivered = false
        /// The number of bytes of RFC 7692's tail that the inflater has had, once the last frame of a compressed
        /// message is through; otherwise `nil`.
        var tailFed: Int?
        /// Whether the inflater stopped because its output was full.
        var hasMoreOutput = false
    }

    /// The most bytes that are reserved for a message because of its header alone; more only as they arrive.
    static let trustedReservation = 64 * 1024
    /// The most inflated bytes in one part.
    public static let maximumPartSize = 64 * 1024

    let role: Role
    let limits: MessageLimits
    let delivery: Delivery
    var compression: Compression?

    /// The bytes of an incomplete header at the end of a piece.
    private var carry = InlineArray<14, UInt8>(repeating: 0)
    private var carryCount = 0
    var frame: OpenFrame?
    var message: OpenMessage?
    var assembled = ByteBuffer()
    private var isFinished = false
    /// A number that changes whenever a message begins or a part of one is reported.
    package internal(set) var messageMark: UInt32 = 0

    /// Whether a message or a frame has begun and not ended.
    package var isUnfinished: Bool { self.message != nil || self.frame != nil || self.carryCount > 0 }

    /// The memory that an unfinished message holds. Bytes.
    package var heldBytes: Int { self.assembled.readableBytes == 0 ? 0 : self.assembled.storageCapacity }

    /// The bytes of an unfinished message that have come: those on the wire, if it is compressed.
    package var receivedBytes: Int {
        guard let message = self.message else { return self.frame?.received ?? 0 }
        return message.isCompressed ? message.compressedLength : self.assembled.readableBytes
    }

    /// The unmasked payload of the latest ping or pong, at most 125 bytes.
    public internal(set) var controlPayload: [UInt8] = []

    /// - Parameters:
    ///   - role: which end we are; it decides whether masked frames are expected.
    ///   - compression: the parameters agreed on; `nil` for no compression.
    ///   - contexts: the contexts of the event loop.
    public init(
        role: Role,
        limits: MessageLimits = MessageLimits(),
        delivery: Delivery = .whole,
        compression: DeflateParameters? = nil,
        contexts: CompressionContexts? = nil
    ) {
        self.role = role
        self.limits = limits
        self.delivery = delivery
        if let compression {
            let peer = role.peer
            self.compression = Compression(
                windowBits: compression.windowBits(of: peer),
                noContextTakeover: compression.hasNoContextTakeover(peer),
                contexts: contexts ?? CompressionContexts())
        }
    }

    /// Returns the message or part announced by ``Event/assembledMessage(_:)`` or ``Event/assembledPart(_:)``.
    public mutating func takeAssembled() -> ByteBuffer {
        var message = ByteBuffer()
        swap(&message, &self.assembled)
        return message
    }

    /// Takes a buffer back for reuse once its bytes are no longer needed.
    public func recycle(_ buffer: ByteBuffer) { self.compression?.contexts.giveBack(buffer) }

    /// Gives back what was borrowed; called when the connection has ended.
    public mutating func end() {
        self.finish()
    }

    /// Whether ``next(in:consumed:)`` may return an event without more input.
    public var hasPendingOutput: Bool { self.message?.hasMoreOutput ?? false || self.message?.tailFed != nil }

    /// Returns the next event in `bytes` from `consumed` on, and moves `consumed` past what the event took.
    public mutating func next(in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int) -> Event {
        while true {
            if self.isFinished {
                consumed = bytes.count
                return .needMoreData
            }
            if self.frame == nil {
                if self.message?.tailFed != nil {
                    return self.feedTail()
                }
                switch self.nextHeader(in: bytes, consumed: &consumed) {
                case .needMoreData:
                    return .needMoreData
                case .violation(let violation):
                    return self.fail(violation)
                case .header(let header, _):
                    if header.isFinal, !header.isCompressed, header.opcode == .binary || header.opcode == .text,
                        self.message == nil, header.payloadLength <= bytes.count &- consumed
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
        let allowsCompression = self.compression != nil
        if self.carryCount == 0 {
            let result = FrameHeader.decode(rest, role: self.role, allowsCompression: allowsCompression)
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
        // The header began in an earlier piece: complete it in `carry`.
        let carried = self.carryCount
        let added = min(FrameHeader.maximumLength - carried, rest.count)
        for index in 0..<added { self.carry[carried + index] = rest[index] }
        let available = carried + added
        let result = withUnsafeBytes(of: self.carry) {
            FrameHeader.decode(
                UnsafeRawBufferPointer(rebasing: $0[..<available]), role: self.role,
                allowsCompression: allowsCompression)
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

    /// Handles the usual case: an unfragmented message that `bytes` contains to its end.
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

    mutating func fail(_ violation: ProtocolViolation) -> Event {
        self.finish()
        return .violation(violation)
    }

    /// Ends decoding: later input is ignored, and what was gathered is freed.
    mutating func finish() {
        self.isFinished = true
        self.frame = nil
        self.message = nil
        self.assembled = ByteBuffer()
        if let inflater = self.compression?.inflater { self.compression?.contexts.giveBack(inflater) }
        self.compression?.inflater = nil
    }
}
