import MartletProtocol
import NIOCore

/// A `WebSocketCore` is the protocol of one WebSocket connection, without a channel, a socket or a clock: it is told of
/// bytes, writability, time and ends, and returns messages, frames and ends. ``WebSocket`` connects it to a channel of
/// NIO.
///
/// Invariants:
/// - The peer receives a sequence of whole frames in the order of the calls; a pong or ping may overtake messages.
/// - While bytes wait (``hasBacklog``), nothing is sent past them.
/// - The phase only moves forward.
///
/// The file is long on purpose: phase and pending frames are `private` to it, so that only events change them.
struct WebSocketCore {
    /// The phase of the connection; it only moves down this list.
    enum Phase {
        case open
        /// Our close frame is sent or queued; the peer's has not arrived.
        case closing
        /// Nothing more will be sent; the rest of the input is discarded until the peer ends the TCP connection.
        case lingering
        case closed
    }

    /// A message that is being sent part by part.
    struct OpenParts {
        let kind: MessageKind
        let isCompressed: Bool
        /// Whether its first frame has been sent.
        var hasBegun = false
    }

    /// The control frames that wait for room: only the latest pong, one ping, and the last frame of all.
    struct PendingControl {
        var pong: [UInt8]?
        var ping: [UInt8]?
        var close: CloseFrame?
    }

    // The fields that are used for every message come first, and so are adjacent in memory: the cost of a publication
    // for thousands of connections is the cache lines that it touches in each.
    private(set) var phase = Phase.open
    let role: Role
    /// The message that is being sent part by part, if there is one.
    private(set) var parts: OpenParts?
    /// The bytes that were passed on and that the kernel has not taken yet.
    var inFlight = 0
    var queue: OutboundQueue<Void>

    private var pending = PendingControl()
    var decoder: MessageDecoder
    private var closeHandshake = CloseHandshake()
    private(set) var closeInformation: WebSocketCloseInformation?
    var pings: PingState
    var input: InputState

    init(
        role: Role, configuration: WebSocketConfiguration, decoder: MessageDecoder
    ) {
        self.role = role
        self.decoder = decoder
        self.queue = OutboundQueue(limit: configuration.outboundQueueLimit, policy: configuration.overflowPolicy)
        self.pings = PingState()
        self.input = InputState()
    }
}

// MARK: Input

extension WebSocketCore {
    enum InputEvent {
        /// All input has been processed.
        case done
        /// Reading is paused: input that has not been consumed waits.
        case paused
        /// A message, at this range of the input.
        case message(MessageKind, Range<Int>)
        /// A message that was assembled: see ``takeAssembled()``.
        case assembledMessage(MessageKind)
        /// A part of a message, at this range of the input.
        case part(MessagePart, Range<Int>)
        /// A part that was assembled: see ``takeAssembled()``.
        case assembledPart(MessagePart)
        /// Answer a ping with this payload, at once.
        case answer([UInt8])
        case pong([UInt8], latency: TimeAmount?)
        /// The peer began to close: send the reply last (``sendLast(_:)``).
        case closeBegan(reply: CloseFrame)
        /// The peer has answered our close frame.
        case closeAnswered
        /// The peer broke the protocol: send the frame last, if there is one (RFC 6455, section 7.1.7).
        case failed(CloseFrame?)
    }

    private var isProcessable: Bool { self.phase == .open || self.phase == .closing }

    /// Returns the next event in the input.
    ///
    /// - Parameters:
    ///   - bytes: the input, unmasked in place.
    ///   - consumed: how many of the bytes have been processed.
    mutating func next(
        in bytes: UnsafeMutableRawBufferPointer, consumed: inout Int, now: () -> NIODeadline
    ) -> InputEvent {
        while self.isProcessable {
            if self.input.isPaused, self.phase == .open { return .paused }
            switch self.decoder.next(in: bytes, consumed: &consumed) {
            case .needMoreData: return .done
            case .message(let kind, let range):
                guard self.takesMessages() else { continue }
                self.input.deliveredBytes &+= range.count
                return .message(kind, range)
            case .assembledMessage(let kind):
                guard self.takesMessages() else {
                    self.decoder.recycle(self.decoder.takeAssembled())
                    continue
                }
                return .assembledMessage(kind)
            case .part(let part, let range):
                guard self.takesMessages() else { continue }
                self.input.deliveredBytes &+= range.count
                return .part(part, range)
            case .assembledPart(let part):
                guard self.takesMessages() else {
                    self.decoder.recycle(self.decoder.takeAssembled())
                    continue
                }
                return .assembledPart(part)
            case .ping:
                guard self.phase == .open else { continue }
                let payload = self.decoder.controlPayload
                guard self.hasBacklog else { return .answer(payload) }
                // Only the latest is answered (RFC 6455, section 5.5.3), so that a flood of pings costs no memory.
                self.pending.pong = payload
            case .pong:
                let payload = self.decoder.controlPayload
                return .pong(payload, latency: self.pings.received(payload, now: now()))
            case .close(let frame):
                if let event = self.received(frame) { return event }
            case .violation(let violation):
                return .failed(self.fail(violation.closeCode, reason: violation.reason))
            }
        }
        return .done
    }

    /// Whether a message is delivered. Messages that the peer sent before it saw our close frame are, unless the
    /// application has paused reading: while closing, the socket is read in any case, to find the peer's close frame.
    private mutating func takesMessages() -> Bool {
        if self.phase == .open { return true }
        if self.input.isPaused { self.input.isDiscarding = true }
        return !self.input.isDiscarding
    }

    /// Returns the message or part that was assembled; to be given back with ``MessageDecoder/recycle(_:)``.
    mutating func takeAssembled() -> ByteBuffer {
        let bytes = self.decoder.takeAssembled()
        self.input.deliveredBytes &+= bytes.readableBytes
        return bytes
    }

    /// Whether there is input that can be processed.
    var hasInput: Bool { self.input.held.readableBytes > 0 || self.decoder.hasPendingOutput }

    /// Whether new input waits for other input, or for the end of a pause.
    var holdsInput: Bool { self.input.held.readableBytes > 0 || self.input.isPaused && self.phase == .open }

    /// Whether the socket may be read.
    var mayRead: Bool { !self.input.isPaused || self.phase != .open }

    /// Allows held input to be delivered after the connection has ended, as long as it is no more than a connection may
    /// hold.
    ///
    /// - Parameter limit: the most bytes in ``InputState/deliveredBytes`` up to which more is delivered.
    /// - Returns: whether to continue.
    mutating func deliversHeldInput(upTo limit: Int) -> Bool {
        guard self.hasInput, self.isProcessable else { return false }
        guard self.input.deliveredBytes <= limit else {
            self.closeInformation = .init(
                code: .abnormalClosure, reason: "the peer ended the connection with too much unread input",
                initiator: .remote, isClean: false)
            return false
        }
        self.input.isPaused = false
        return true
    }
}

// MARK: Output

extension WebSocketCore {
    /// Whether there are waiting bytes that nothing may overtake.
    var hasBacklog: Bool { self.inFlight > 0 || !self.queue.isEmpty }

    /// The bytes that wait for the peer to read, including frame headers.
    var waitingBytes: Int { self.inFlight &+ self.queue.bytes.readableBytes }

    /// Queues a message in as many frames as needed.
    ///
    /// - Parameter isDroppable: whether the overflow policy may drop it.
    mutating func enqueue(
        _ kind: MessageKind, isCompressed: Bool, isDroppable: Bool, fragmentSize: Int,
        _ payload: UnsafeRawBufferPointer, maskingKey: () -> UInt32?
    ) {
        var start = 0
        repeat {
            let end = min(start + fragmentSize, payload.count)
            self.enqueue(
                start == 0 ? kind.opcode : .continuation, isFinal: end == payload.count,
                isCompressed: isCompressed && start == 0, isDroppable: isDroppable && start == 0,
                continues: start > 0, UnsafeRawBufferPointer(rebasing: payload[start..<end]), maskingKey())
            start = end
        } while start < payload.count
    }

    private mutating func enqueue(
        _ opcode: Opcode, isFinal: Bool, isCompressed: Bool, isDroppable: Bool, continues: Bool,
        _ payload: UnsafeRawBufferPointer, _ key: UInt32?
    ) {
        self.queue.append(
            (), length: payload.count + FrameHeader.maximumLength, isDroppable: isDroppable, continues: continues
        ) {
            $0.writeFrame(opcode, isFinal: isFinal, isCompressed: isCompressed, maskingKey: key, payload: payload)
        }
    }

    /// Begins a message that is sent part by part.
    mutating func beginParts(_ kind: MessageKind, isCompressed: Bool) {
        self.parts = OpenParts(kind: kind, isCompressed: isCompressed)
    }

    /// A frame of the message that is being sent part by part.
    struct Fragment {
        let opcode: Opcode
        let isFinal: Bool
        let isCompressed: Bool
        let range: Range<Int>
        /// Whether another frame of the message came before it.
        let continues: Bool
    }

    /// Returns the next frame of a part; `nil` if there is none left. A part that is empty and not the last has no
    /// frames.
    ///
    /// - Parameters:
    ///   - count: the length of the part in bytes.
    ///   - start: the index in the part at which the frame begins, 0 at first; `nil` after the last.
    mutating func nextFragment(of count: Int, isLast: Bool, fragmentSize: Int, from start: inout Int?) -> Fragment? {
        guard let begin = start, isLast || count > 0, let parts = self.parts else { return nil }
        let end = min(begin + fragmentSize, count)
        self.parts?.hasBegun = true
        start = end < count ? end : nil
        return Fragment(
            opcode: parts.hasBegun ? .continuation : parts.kind.opcode, isFinal: isLast && end == count,
            isCompressed: parts.isCompressed && !parts.hasBegun, range: begin..<end, continues: parts.hasBegun)
    }

    /// Queues a frame of a message that is being sent part by part.
    mutating func enqueue(_ fragment: Fragment, _ payload: UnsafeRawBufferPointer, _ key: UInt32?) {
        self.enqueue(
            fragment.opcode, isFinal: fragment.isFinal, isCompressed: fragment.isCompressed, isDroppable: false,
            continues: fragment.continues, payload, key)
    }

    /// Ends the message that is being sent part by part.
    mutating func endParts() { self.parts = nil }

    /// Moves the frames that the kernel has not begun into the queue, which is empty, so that control frames can be
    /// sent before them.
    ///
    /// - Parameters:
    ///   - frames: our own frames, of which the kernel took the first `sent` bytes.
    ///   - isDroppable: whether the overflow policy may drop whole messages among them.
    /// - Returns: the rest of the frame that it has begun, to be passed on at once; or the first frame.
    mutating func keepRest(of frames: UnsafeRawBufferPointer, sent: Int, isDroppable: Bool) -> ByteBuffer {
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
                    (), length: end - start, isDroppable: isWhole && isDroppable,
                    continues: header.opcode == .continuation
                ) { $0.writeBytes(UnsafeRawBufferPointer(rebasing: frames[start..<end])) }
            }
            start = end
        }
        return rest ?? ByteBuffer()
    }

    /// Encodes a control frame.
    mutating func encodeControl(
        _ opcode: Opcode, _ payload: [UInt8], into buffer: inout ByteBuffer, maskingKey: UInt32?, now: () -> NIODeadline
    ) {
        if opcode == .ping { self.pings.sent(payload, now: now()) }
        payload.withUnsafeBytes { _ = buffer.writeFrame(opcode, maskingKey: maskingKey, payload: $0) }
    }

    /// Returns the waiting bytes that may be sent now, control frames first; empty if there are none.
    mutating func takeOutput(
        upTo limit: Int, maskingKey: () -> UInt32?, now: () -> NIODeadline
    ) -> ByteBuffer {
        var bytes = ByteBuffer()
        if let payload = self.pending.pong {
            self.pending.pong = nil
            self.encodeControl(.pong, payload, into: &bytes, maskingKey: maskingKey(), now: now)
        }
        if let payload = self.pending.ping {
            self.pending.ping = nil
            self.encodeControl(.ping, payload, into: &bytes, maskingKey: maskingKey(), now: now)
        }
        if !self.queue.isEmpty { self.queue.take(upTo: limit, into: &bytes) }
        if self.queue.isEmpty, let frame = self.pending.close {
            self.pending.close = nil
            self.encodeControl(.close, frame.body, into: &bytes, maskingKey: maskingKey(), now: now)
        }
        return bytes
    }

    /// Whether a ping waits for room.
    var isPingPending: Bool { self.pending.ping != nil }

    /// Handles the application's wish to ping.
    ///
    /// - Returns: whether to send the frame at once; otherwise it waits, or nothing may be sent any more.
    mutating func ping(_ payload: [UInt8]) -> Bool {
        guard self.phase == .open else { return false }
        guard self.hasBacklog else { return true }
        self.pending.ping = payload
        return false
    }

    /// Handles the last frame of all.
    ///
    /// - Returns: whether to send it at once; otherwise it waits for everything else.
    mutating func sendLast(_ frame: CloseFrame) -> Bool {
        guard self.hasBacklog else { return true }
        self.pending.close = frame
        return false
    }
}

// MARK: The end

extension WebSocketCore {
    /// Whether both ends have sent a close frame, or the end of the TCP connection is awaited.
    var isDone: Bool { self.closeHandshake.isComplete || self.phase == .lingering }

    /// Handles the application's wish to close.
    ///
    /// - Returns: the frame to send last (``sendLast(_:)``); `nil` if the closing handshake has already begun.
    mutating func close(_ code: CloseCode, reason: String) -> CloseFrame? {
        guard let frame = CloseFrame(code: code, reason: reason) ?? CloseFrame(code: .normalClosure, reason: reason),
            self.phase == .open, self.closeHandshake.start(frame)
        else { return nil }
        self.closeInformation = .init(
            code: frame.code ?? .normalClosure, reason: frame.reason, initiator: .local, isClean: false)
        self.phase = .closing
        return frame
    }

    private mutating func received(_ frame: CloseFrame) -> InputEvent? {
        switch self.closeHandshake.received(frame) {
        case .reply(let reply):
            self.closeInformation = .init(
                code: frame.code ?? .noStatusReceived, reason: frame.reason, initiator: .remote, isClean: true)
            self.phase = .lingering
            return .closeBegan(reply: reply)
        case .finish:
            let ours = self.closeInformation
            self.closeInformation = .init(
                code: ours?.code ?? .normalClosure, reason: ours?.reason ?? "", initiator: .local, isClean: true)
            self.phase = .lingering
            return .closeAnswered
        case .ignore: return nil
        }
    }

    private mutating func fail(_ code: CloseCode, reason: String) -> CloseFrame? {
        self.closeInformation = .init(code: code, reason: reason, initiator: .local, isClean: false)
        self.phase = .lingering
        return CloseFrame(code: code, reason: reason).flatMap { self.closeHandshake.start($0) ? $0 : nil }
    }

    /// Gives up what the peer sends, as after a violation of the protocol: its close frame is not waited for.
    ///
    /// - Returns: the frame to send last (``sendLast(_:)``); `nil` if the end has already begun.
    mutating func giveUp(_ code: CloseCode, reason: String) -> CloseFrame? {
        guard self.phase == .open else { return nil }
        self.decoder.end()
        return self.fail(code, reason: reason)
    }

    /// Prepares the end of the TCP connection without a close frame.
    ///
    /// - Returns: `false` if it has already ended.
    mutating func abort(reason: String) -> Bool {
        guard self.phase != .closed else { return false }
        self.closeInformation = .init(code: .abnormalClosure, reason: reason, initiator: .local, isClean: false)
        return true
    }

    /// Notes that the peer has not answered our close frame, or has not ended the TCP connection, in time. A complete
    /// closing handshake stays as it is.
    mutating func closeTimedOut() {
        guard self.phase == .closing, let ours = self.closeInformation else { return }
        let frame = ours.reason.isEmpty ? "\(ours.code)" : "\(ours.code), \(ours.reason)"
        self.closeInformation = .init(
            code: .abnormalClosure, reason: "the peer did not answer the close frame (\(frame))", initiator: .local,
            isClean: false)
    }

    /// Ends sending and receiving.
    mutating func end() { self.phase = .closed }

    /// The close code and reason with which the connection ended.
    var finalInformation: WebSocketCloseInformation {
        self.closeInformation
            ?? .init(
                code: .abnormalClosure, reason: "the peer ended the connection without a close frame",
                initiator: .remote, isClean: false)
    }
}
