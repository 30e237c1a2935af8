package import NIOCore
package import NIOHTTP1

/// A `ServerConnectionState` is the state of a server's HTTP/1.1 connection: what happens next, what has to wait, and
/// when the decoder may be taken away. It holds no channel and no clock: it is told what happened, and returns what to
/// do.
///
/// A request has one of three destinations (``Destination``): it is answered at once, it takes the connection over, or
/// it goes to the HTTP side. Two peculiarities of NIO's `HTTPDecoder` shape the rest:
/// - After a request that asks for an upgrade it parses nothing more, ever (``DecoderStop``). So if there is no
///   upgrade, the decoder is replaced by a new one, which gets the bytes that the old one held.
/// - A removed decoder hands over its bytes untyped, in a later tick. So removal starts only between reads, when
///   nothing else can arrive.
///
/// The file is long on purpose: phase and counters are `private` to it, so that only events change them.
package struct ServerConnectionState {
    /// The part of the server that handles a request.
    package enum Destination: Hashable, Sendable {
        /// The request is answered on the event loop, once it is whole.
        case endpoint
        /// The request takes the connection over if it is accepted; from then on it is a WebSocket's or a stream's.
        case takeover
        /// The request goes to the HTTP side: a router, a framework.
        case http
    }

    /// The reason for removing the decoder.
    package enum DecoderRemoval: Hashable, Sendable {
        /// The decoder has stopped, and a new one takes its place.
        case replacement
        /// HTTP ends on this connection.
        case takeover
    }

    package enum Phase: Hashable, Sendable {
        /// The next part is the head of a request.
        case ready
        /// A request is being passed to the HTTP side.
        case passing(stopsDecoder: Bool)
        /// A request for the HTTP side waits for the answer to the one before.
        case postponed
        /// A request for an endpoint is arriving, and its end has not come.
        case collecting
        /// An endpoint has been asked; the number distinguishes its answer from a late one.
        case answering(question: Int)
        /// A request that wants to take the connection over is arriving, and its end has not come.
        case receiving
        /// Such a request waits for the answers to earlier requests.
        case waiting
        /// Such a request is being decided about; the number distinguishes the answer from a late one.
        case deciding(question: Int)
        /// The HTTP side has been told that the input has ended, and has not ended its output yet.
        case endingHTTP
        /// The decoder has stopped; it is removed once no read is under way and everything written has been sent.
        case stoppingDecoder(DecoderRemoval, isWritten: Bool)
        /// The decoder is being removed; what it held arrives as bytes.
        case removingDecoder(DecoderRemoval)
        /// HTTP has ended: the connection has been taken over, or ends.
        case finished
    }

    /// A `TimerChange` says what to do with the one timer of the connection.
    package enum TimerChange: Hashable, Sendable {
        /// The timer runs as long as a handshake may take (``HTTPLimits/handshakeTimeout``).
        case startHandshake
        /// The timer runs as long as a request that has begun may take once the server shuts down.
        case startDrain
        case stop
    }

    /// The number of refusals after which a connection is ended.
    private static let refusalLimit = 100

    package private(set) var phase = Phase.ready
    /// The parts that arrived while the phase allowed none.
    private var held = HeldParts()
    /// Whether more came than may be held. The connection goes on as if the input had ended there.
    private var isDiscardingInput = false
    private var isInRead = false
    private var isReadHeldBack = false
    private var isResuming = false
    private var isTimerRunning = false
    private var timerChange: TimerChange?
    /// Whether the connection has an HTTP side.
    package private(set) var hasHTTPSide = false
    /// The number of requests that the HTTP side has not answered completely.
    private var unanswered = 0
    package private(set) var isDraining = false
    /// Whether the client has ended its half, or sent something that is not HTTP, or more than may be held.
    private var hasInputEnded = false
    /// Whether the request that wants to take the connection over has a body.
    private var hasBody = false
    private var questionCount = 0
    private var refusalCount = 0

    package init() {}
}

// MARK: Requests

extension ServerConnectionState {
    package enum PartAction {
        /// The part waits, or is discarded.
        case nothing
        /// Find the destination of the request; ``begin(_:stopsDecoder:)`` or ``refuseAndClose()`` must follow.
        case begin(HTTPRequestHead)
        /// Add these bytes to the body of the request for an endpoint.
        case append(ByteBuffer)
        /// The request for an endpoint is whole: ask it.
        case answer(question: Int)
        /// Decide about the request that wants to take the connection over.
        case decide
        /// Pass the part to the HTTP side.
        case pass(HTTPServerRequestPart)
        /// Pass the part to the HTTP side, and then replace the decoder, which has stopped.
        case passAndReplaceDecoder(HTTPServerRequestPart)
    }

    /// Handles a part from the decoder.
    package mutating func received(_ part: HTTPServerRequestPart) -> PartAction {
        self.isInRead = true
        guard !self.isDiscardingInput else { return .nothing }
        switch self.phase {
        case .removingDecoder, .finished: return .nothing
        case .ready, .passing, .collecting, .receiving:
            if self.held.isEmpty { return self.handle(part) }  // what is held goes first
        case .postponed, .waiting, .deciding, .answering, .endingHTTP, .stoppingDecoder: break
        }
        guard !self.held.isFull else {
            self.isDiscardingInput = true
            self.hasInputEnded = true
            return .nothing
        }
        self.held.append(part)
        return .nothing
    }

    private mutating func handle(_ part: HTTPServerRequestPart) -> PartAction {
        switch (part, self.phase) {
        case (.head(let head), .ready): return .begin(head)
        case (.body(let bytes), .collecting): return .append(bytes)
        case (.end, .collecting):
            self.setTimer(.stop)
            return .answer(question: self.ask())
        case (.body, .receiving):
            self.hasBody = true
            return .nothing
        case (.end, .receiving):
            self.setTimer(.stop)
            self.phase = .waiting
            return self.unanswered > 0 ? .nothing : .decide
        case (.end, .passing(let stopsDecoder)):
            self.phase = .ready
            return stopsDecoder ? .passAndReplaceDecoder(part) : .pass(part)
        default: return .pass(part)
        }
    }

    /// Whether a request for the HTTP side must wait: it gets one after the other, and the client cannot make it hold
    /// more than that. ``postpone(_:)`` must follow in place of ``begin(_:stopsDecoder:)``.
    package var mustPostpone: Bool { self.unanswered > 0 }

    /// Lets a request for the HTTP side wait for the answer to the one before. Nothing is read in the meantime.
    package mutating func postpone(_ head: HTTPRequestHead) {
        self.held.prepend(.head(head))
        self.phase = .postponed
    }

    /// Begins a request whose destination is now known.
    ///
    /// - Parameter stopsDecoder: see ``DecoderStop``.
    /// - Returns: whether to tell the HTTP side, after the head, that the server is shutting down.
    @discardableResult
    package mutating func begin(_ destination: Destination, stopsDecoder: Bool) -> Bool {
        switch destination {
        case .endpoint:
            // The request may have been held when the server began to shut down.
            self.setTimer(self.isDraining ? .startDrain : .stop)
            self.phase = .collecting
        case .takeover:
            self.hasBody = false
            self.phase = .receiving
            if !self.isTimerRunning { self.setTimer(.startHandshake) }
        case .http:
            self.setTimer(.stop)
            self.hasHTTPSide = true
            self.unanswered += 1
            self.phase = .passing(stopsDecoder: stopsDecoder)
        }
        return destination == .http && self.isDraining
    }

    /// Whether a whole request that bypassed the decoder may be taken as if it had come through it.
    package var mayTakeWhole: Bool {
        self.phase == .ready && self.held.isEmpty && !self.isDraining && !self.hasInputEnded
    }

    /// Begins a whole request for an endpoint that has bypassed the decoder.
    ///
    /// - Returns: the number of the question for the endpoint.
    package mutating func receivedWhole() -> Int {
        self.isInRead = true
        self.setTimer(.stop)
        return self.ask()
    }

    private mutating func ask() -> Int {
        self.questionCount += 1
        self.phase = .answering(question: self.questionCount)
        return self.questionCount
    }

    /// Handles the answer of an endpoint.
    ///
    /// - Parameter isKeepAlive: whether the request allows the connection to stay open.
    /// - Returns: whether the connection stays open after the answer; `nil` for a late answer, which is discarded.
    package mutating func answered(_ question: Int, isKeepAlive: Bool) -> Bool? {
        guard self.phase == .answering(question: question) else { return nil }
        self.setTimer(.stop)
        // Whole requests that came before the end of the input are answered.
        let isLast = self.hasInputEnded && self.held.isEmpty
        guard isKeepAlive, !self.isDraining, !isLast else {
            self.finish()
            return false
        }
        self.phase = .ready
        return true
    }

    package enum AnsweredAction: Hashable, Sendable {
        case nothing
        /// Decide about the request that waited for the answer.
        case decide
        /// Continue with the request that waited for the answer, which is held.
        case resume
    }

    /// Handles the end of an answer that the HTTP side has written.
    package mutating func httpAnswered() -> AnsweredAction {
        guard self.phase != .finished else { return .nothing }
        self.unanswered -= 1
        guard self.unanswered == 0 else { return .nothing }
        if self.phase == .postponed {
            self.phase = .ready
            return .resume
        }
        return self.phase == .waiting ? .decide : .nothing
    }
}

// MARK: Requests that want to take the connection over

extension ServerConnectionState {
    /// Whether the request that is being decided about has a body, or anything has come after it.
    package var hasMoreThanHead: Bool { self.hasBody || !self.held.isEmpty }

    /// Begins a question to a hook about the request.
    ///
    /// - Returns: the number of the question, for ``decided(_:)``.
    package mutating func deciding() -> Int {
        self.questionCount += 1
        self.phase = .deciding(question: self.questionCount)
        self.setTimer(.startHandshake)
        return self.questionCount
    }

    /// Handles the answer of a hook.
    ///
    /// - Returns: `false` if the answer is late.
    package mutating func decided(_ question: Int) -> Bool {
        guard self.phase == .deciding(question: question) else { return false }
        self.setTimer(.stop)
        return true
    }

    package enum RefusalAction: Hashable, Sendable {
        /// Answer, and continue with what is held.
        case stay
        /// Answer, and replace the decoder, which has stopped.
        case replaceDecoder
        /// Answer, and end the connection.
        case close
    }

    /// Refuses the request that is being decided about.
    ///
    /// - Parameters:
    ///   - mayStay: whether the reason for the refusal allows the connection to stay open.
    ///   - isKeepAlive: whether the request allows the connection to stay open.
    ///   - stopsDecoder: see ``DecoderStop``.
    package mutating func refused(mayStay: Bool, isKeepAlive: Bool, stopsDecoder: Bool) -> RefusalAction {
        self.refusalCount += 1
        guard mayStay, isKeepAlive, !self.isDraining, self.refusalCount < Self.refusalLimit else {
            self.finish()
            return .close
        }
        self.phase = .ready
        if !self.hasHTTPSide { self.setTimer(.startHandshake) }
        return stopsDecoder ? .replaceDecoder : .stay
    }

    package enum AcceptAction: Hashable, Sendable {
        /// End the HTTP side first; ``isEndingHTTP`` is `true` until its output has ended.
        case endHTTP
        /// Answer, and remove the decoder.
        case takeOver
    }

    /// Accepts the request that is being decided about.
    package mutating func accepted() -> AcceptAction {
        guard self.hasHTTPSide else { return .takeOver }
        self.phase = .endingHTTP
        return .endHTTP
    }

    /// Whether the end of the HTTP side's output is awaited; otherwise that end ends the connection.
    package var isEndingHTTP: Bool { self.phase == .endingHTTP }

    /// Notes that the connection now belongs to a WebSocket or a stream.
    package mutating func tookOver() { self.phase = .finished }
}

// MARK: The decoder

extension ServerConnectionState {
    package enum DecoderAction: Hashable, Sendable {
        case nothing
        /// Remove the decoder; ``decoderRemoved()`` must follow.
        case remove
        /// The decoder went on, so it had not stopped: continue with what is held.
        case resume
        /// The decoder went on after a request that has been accepted: what follows cannot be told from HTTP, so close.
        case close
    }

    /// Begins to remove the decoder, which has stopped.
    ///
    /// - Parameter isWritten: whether everything written has been sent; otherwise ``written()`` must follow.
    package mutating func stopDecoder(for removal: DecoderRemoval, isWritten: Bool) -> DecoderAction {
        guard self.phase != .finished else { return .nothing }
        self.phase = .stoppingDecoder(removal, isWritten: isWritten)
        return self.nextDecoderAction()
    }

    /// Notes that everything written before the decoder's removal has been sent.
    package mutating func written() -> DecoderAction {
        guard case .stoppingDecoder(let removal, _) = self.phase else { return .nothing }
        self.phase = .stoppingDecoder(removal, isWritten: true)
        return self.nextDecoderAction()
    }

    private mutating func nextDecoderAction() -> DecoderAction {
        guard case .stoppingDecoder(let removal, isWritten: true) = self.phase, !self.isInRead else { return .nothing }
        if self.held.isEmpty {
            self.phase = .removingDecoder(removal)
            return .remove
        }
        guard removal == .replacement else { return .close }
        self.phase = .ready
        return .resume
    }

    /// Whether the input is what a removed decoder held.
    package var isReceivingLeftovers: Bool {
        if case .removingDecoder = self.phase { return true }
        return false
    }

    /// Handles the removal of the decoder.
    ///
    /// - Returns: the reason for it; `nil` if it no longer matters.
    package mutating func decoderRemoved() -> DecoderRemoval? {
        guard case .removingDecoder(let removal) = self.phase else { return nil }
        if removal == .replacement { self.phase = .ready }
        return removal
    }
}

// MARK: Reading

extension ServerConnectionState {
    /// Handles the end of a read.
    package mutating func readCompleted() -> DecoderAction {
        self.isInRead = false
        return self.nextDecoderAction()
    }

    package var isReading: Bool { self.isInRead }

    /// Whether more may be read. Reading stops while a request waits, or while the client does not read the answers
    /// that it was sent.
    private func mayRead(isWritable: Bool) -> Bool {
        switch self.phase {
        case .ready, .passing, .receiving, .collecting: isWritable
        // One read ahead: most answers come at once, and making NIO stop and start again costs two system calls.
        case .answering: isWritable && self.held.isEmpty && !self.hasInputEnded
        case .postponed, .waiting, .deciding, .endingHTTP, .stoppingDecoder, .removingDecoder: false
        case .finished: true
        }
    }

    /// Asks whether NIO may read.
    ///
    /// - Returns: `false` if the read is held back; ``releaseRead(isWritable:)`` then says when to read.
    package mutating func askToRead(isWritable: Bool) -> Bool {
        if self.mayRead(isWritable: isWritable) { return true }
        self.isReadHeldBack = true
        return false
    }

    /// Reconsiders a read that was held back, after a change that reading may depend on.
    ///
    /// - Returns: whether to read now.
    package mutating func releaseRead(isWritable: Bool) -> Bool {
        guard self.isReadHeldBack, self.held.isEmpty, self.mayRead(isWritable: isWritable) else { return false }
        self.isReadHeldBack = false
        return true
    }

    /// Begins to continue with what was held back; ``nextHeld()`` must follow until it returns `nil`.
    ///
    /// - Returns: `false` if that is already under way.
    package mutating func beginResuming() -> Bool {
        guard !self.isResuming else { return false }
        self.isResuming = true
        return true
    }

    /// Returns what to do with the next held part that may continue now; `nil` if there is none.
    package mutating func nextHeld() -> PartAction? {
        switch self.phase {
        case .ready, .passing, .receiving, .collecting: self.held.popFirst().map { self.handle($0) }
        default: nil
        }
    }

    package enum ResumeAction: Hashable, Sendable {
        /// Something waits again.
        case nothing
        /// Read again.
        case read
        /// The input has ended, and everything has been answered: end the connection.
        case close
        /// The input has ended, and everything has been passed on: tell the HTTP side.
        case tellInputEnd
        /// The server is shutting down, and nothing is under way: end the connection.
        case drain(DrainAction)
    }

    /// Whether only more input can bring the connection forward: nothing is left but a request that has not ended.
    private var isWaitingForInput: Bool {
        switch self.phase {
        case .ready, .passing, .collecting, .receiving: true
        default: false
        }
    }

    /// Ends what ``beginResuming()`` began; called when no held part may continue.
    package mutating func endResuming() -> ResumeAction {
        self.isResuming = false
        guard self.held.isEmpty else { return .nothing }
        if self.hasInputEnded, self.isWaitingForInput {
            guard self.hasHTTPSide else {
                self.finish()
                return .close
            }
            self.hasInputEnded = false
            return .tellInputEnd
        }
        if self.isDraining, self.phase == .ready { return .drain(self.drainAction) }
        return .read
    }
}

// MARK: Ends

extension ServerConnectionState {
    package enum DrainAction: Hashable, Sendable {
        case nothing
        /// End the connection, which has no HTTP side.
        case close
        /// Tell the HTTP side, which ends once its requests are answered.
        case tellHTTP
    }

    private var drainAction: DrainAction { self.hasHTTPSide ? .tellHTTP : .close }

    /// Handles the beginning of the server's shutdown.
    package mutating func quiesced() -> DrainAction {
        self.isDraining = true
        switch self.phase {
        case .ready, .passing: return self.drainAction
        case .collecting:
            self.setTimer(.startDrain)
            return .nothing
        // A decision or an answer that is under way finishes first.
        default: return .nothing
        }
    }

    package enum InputEndAction: Hashable, Sendable {
        case nothing
        case close
        case tellHTTP
    }

    /// Handles the end of the client's half of the connection.
    package mutating func inputEnded() -> InputEndAction {
        switch self.phase {
        case .answering, .postponed:
            self.hasInputEnded = true
            return .nothing
        default: break
        }
        return self.hasHTTPSide ? .tellHTTP : .close
    }

    package enum ErrorAction: Hashable, Sendable {
        case nothing
        case close
        /// Answer that the request is invalid, and end the connection.
        case refuse
        /// Tell the HTTP side.
        case tellHTTP
        /// Tell the handlers after this one, and end the connection.
        case tellAndClose
    }

    /// Handles an error from below.
    ///
    /// - Parameter isOfParser: whether the input is not valid HTTP.
    package mutating func failed(isOfParser: Bool) -> ErrorAction {
        switch self.phase {
        case .stoppingDecoder, .removingDecoder:
            // The decoder went on after an upgrade request: after 101, no frame can be told from HTTP.
            return .close
        case .answering where isOfParser, .postponed where isOfParser:
            // What follows the request is not HTTP; the answer is still due.
            self.hasInputEnded = true
            return .nothing
        default:
            guard isOfParser else { return self.hasHTTPSide ? .tellHTTP : .tellAndClose }
            guard !self.hasHTTPSide else { return .tellHTTP }
            return self.refuseAndClose() ? .refuse : .nothing
        }
    }

    /// Refuses the request and ends the connection after the answer.
    ///
    /// - Returns: `false` if the connection has already finished, and nothing more may be written.
    package mutating func refuseAndClose() -> Bool {
        guard self.phase != .finished else { return false }
        self.finish()
        return true
    }

    /// Finishes HTTP once the last answer has been written or is about to be: later input is discarded. The client has
    /// as long as a handshake may take to end its half.
    package mutating func finish() {
        self.phase = .finished
        self.held = HeldParts()
        self.setTimer(.startHandshake)
    }

    /// Handles the end of the connection.
    package mutating func closed() {
        self.phase = .finished
        self.held = HeldParts()
        self.setTimer(.stop)
    }
}

// MARK: Time

extension ServerConnectionState {
    private mutating func setTimer(_ change: TimerChange) {
        if change == .stop, !self.isTimerRunning { return }
        self.isTimerRunning = change != .stop
        self.timerChange = change
    }

    /// Handles the beginning of the connection.
    package mutating func opened() { self.setTimer(.startHandshake) }

    /// Returns what to do with the timer; to be called after each event.
    package mutating func takeTimerChange() -> TimerChange? {
        guard let change = self.timerChange else { return nil }
        self.timerChange = nil
        return change
    }

    package enum TimeoutAction: Hashable, Sendable {
        /// The client did not end its half in time.
        case close
        /// No complete request came in time: refuse it, and end the connection.
        case refuse
        /// The hook took too long: refuse the request.
        case refuseDecision
    }

    /// Handles the firing of the timer.
    package mutating func timerFired() -> TimeoutAction {
        self.isTimerRunning = false
        switch self.phase {
        case .finished: return .close
        case .deciding: return .refuseDecision
        // An answer now would be taken as the answer to an earlier request, or end up in the middle of it.
        case .receiving where self.unanswered > 0: return .close
        default:
            self.finish()
            return .refuse
        }
    }

    package enum IdleAction: Hashable, Sendable {
        /// Another part of the server watches over the connection now.
        case nothing
        case close
        /// No complete request came in time: refuse it, and end the connection.
        case refuse
        /// Look again when the rest of the time has passed.
        case waitForRest
        /// Look again after the whole time.
        case waitAgain
    }

    /// Checks a connection without an HTTP side for idleness.
    ///
    /// - Parameter isOver: whether nothing was received or sent for as long as a connection may be idle.
    package mutating func idleTimerFired(isOver: Bool) -> IdleAction {
        guard !self.hasHTTPSide else { return .nothing }
        switch self.phase {
        case .ready: return isOver ? .close : .waitForRest
        case .collecting:
            guard isOver else { return .waitForRest }
            self.finish()
            return .refuse
        case .answering: return .waitAgain
        default: return .nothing
        }
    }
}
