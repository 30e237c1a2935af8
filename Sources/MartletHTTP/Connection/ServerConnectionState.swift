import DequeModule
package import NIOCore
package import NIOHTTP1

/// A `ServerConnectionState` is where a server's HTTP/1.1 connection stands: whose turn it is, what has to wait, and when the
/// decoder may be taken away. It holds no channel and no clock: it is told what happened, and answers what is to be done.
///
/// A request is for one of three (``Destination``): it is answered at once, it takes the connection over, or it goes to the HTTP
/// side. Two peculiarities of NIO's `HTTPDecoder` shape the rest:
/// - Behind a request that asks for an upgrade it parses nothing more, ever (``DecoderStop``). So when there is no upgrade, the
///   decoder is replaced by a new one, which gets the bytes that the old one held.
/// - A removed decoder hands over its bytes untyped, in a later tick. So removal starts only between reads, when it is certain
///   that nothing else can come.
///
/// The file is long on purpose: phase and counters are `private` to it, so that nothing moves them but an event.
package struct ServerConnectionState {
    /// Who deals with a request.
    package enum Destination: Hashable, Sendable {
        /// It is answered on the event loop, once it is whole.
        case endpoint
        /// If it is accepted, the connection is a WebSocket's or a stream's from then on.
        case takeover
        /// The HTTP side: a router, a framework.
        case http
    }

    /// Why the decoder goes.
    package enum DecoderRemoval: Hashable, Sendable {
        /// A new one takes its place: it has stopped, and HTTP goes on.
        case replacement
        /// HTTP is over.
        case takeover
    }

    package enum Phase: Hashable, Sendable {
        /// The next part is the head of a request.
        case ready
        /// A request is on its way to the HTTP side.
        case passing(stopsDecoder: Bool)
        /// A request for an endpoint, the end of which has not come.
        case collecting
        /// An endpoint has been asked; the number tells its answer from one that comes too late.
        case answering(question: Int)
        /// A request that wants to take the connection over, the end of which has not come.
        case receiving
        /// Such a request must wait for the answers to earlier requests.
        case waiting
        /// It is being decided about; the number tells the answer from one that comes too late.
        case deciding(question: Int)
        /// The HTTP side has been told that there is no more input, and has not ended its output yet.
        case endingHTTP
        /// The decoder has stopped, and goes once no read is under way and what was written has left.
        case stoppingDecoder(DecoderRemoval, isWritten: Bool)
        /// The decoder is going; what it held comes as bytes.
        case removingDecoder(DecoderRemoval)
        /// HTTP is over: the connection has been taken over, or ends.
        case finished
    }

    /// A `TimerChange` says what is to be done with the one timer of the connection.
    package enum TimerChange: Hashable, Sendable {
        /// The timer runs as long as a handshake may take (``HTTPLimits/handshakeTimeout``).
        case startHandshake
        /// The timer runs as long as a request that has begun may take once the server shuts down.
        case startDrain
        case stop
    }

    /// A connection that has been refused this often is ended.
    private static let refusalLimit = 100

    package private(set) var phase = Phase.ready
    /// Parts that came while the phase allowed none; at most what one read brings.
    private var held: Deque<HTTPServerRequestPart> = []
    private var isInRead = false
    private var isReadHeldBack = false
    private var isResuming = false
    private var isTimerRunning = false
    private var timerChange: TimerChange?
    /// The HTTP side is there.
    package private(set) var hasHTTPSide = false
    /// Requests that the HTTP side has not answered to the end.
    private var unanswered = 0
    package private(set) var isDraining = false
    /// The client has ended its half, or what follows is no HTTP.
    private var hasInputEnded = false
    /// The request that wants to take the connection over has a body.
    private var hasBody = false
    private var questionCount = 0
    private var refusalCount = 0

    package init() {}
}

// MARK: Requests

extension ServerConnectionState {
    package enum PartAction {
        /// The part waits, or is thrown away.
        case nothing
        /// Find out whom the request is for; ``begin(_:stopsDecoder:)`` or ``refuseAndClose()`` must follow.
        case begin(HTTPRequestHead)
        /// Add to the body of the request for an endpoint.
        case append(ByteBuffer)
        /// The request for an endpoint is whole: ask it.
        case answer(question: Int)
        /// Decide about the request that wants to take the connection over.
        case decide
        /// Give the part to the HTTP side.
        case pass(HTTPServerRequestPart)
        /// Give the part to the HTTP side, and then replace the decoder, which has stopped.
        case passAndReplaceDecoder(HTTPServerRequestPart)
    }

    /// A part has come from the decoder.
    package mutating func received(_ part: HTTPServerRequestPart) -> PartAction {
        self.isInRead = true
        switch self.phase {
        case .removingDecoder, .finished: return .nothing
        case .ready, .passing, .collecting, .receiving:
            if self.held.isEmpty { return self.handle(part) }  // what is held goes first
        case .waiting, .deciding, .answering, .endingHTTP, .stoppingDecoder: break
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

    /// It is known whom a request is for.
    ///
    /// - Parameter stopsDecoder: see ``DecoderStop``.
    /// - Returns: whether the HTTP side is to be told, behind the head, that the server shuts down.
    @discardableResult
    package mutating func begin(_ destination: Destination, stopsDecoder: Bool) -> Bool {
        switch destination {
        case .endpoint:
            // A request that was held while the server began to shut down.
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

    /// Whether a whole request that came past the decoder may be taken: as if it had come through it.
    package var mayTakeWhole: Bool {
        self.phase == .ready && self.held.isEmpty && !self.isDraining && !self.hasInputEnded
    }

    /// A whole request for an endpoint has come past the decoder.
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

    /// An endpoint has an answer.
    ///
    /// - Parameter isKeepAlive: what the request says of the connection.
    /// - Returns: whether the connection lives on behind the answer; `nil` for an answer that comes too late, which is dropped.
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

    /// The HTTP side has written the end of an answer.
    ///
    /// - Returns: whether the request that waited for it can be decided about now.
    package mutating func httpAnswered() -> Bool {
        guard self.phase != .finished else { return false }
        self.unanswered -= 1
        return self.unanswered == 0 && self.phase == .waiting
    }
}

// MARK: Requests that want to take the connection over

extension ServerConnectionState {
    /// Whether the request that is being decided about has a body, or anything came behind it.
    package var hasMoreThanHead: Bool { self.hasBody || !self.held.isEmpty }

    /// A hook is asked about the request.
    ///
    /// - Returns: a number for ``decided(_:)``.
    package mutating func deciding() -> Int {
        self.questionCount += 1
        self.phase = .deciding(question: self.questionCount)
        self.setTimer(.startHandshake)
        return self.questionCount
    }

    /// A hook has answered.
    ///
    /// - Returns: `false` for an answer that comes too late.
    package mutating func decided(_ question: Int) -> Bool {
        guard self.phase == .deciding(question: question) else { return false }
        self.setTimer(.stop)
        return true
    }

    package enum RefusalAction: Hashable, Sendable {
        /// Answer, and go on with what is held.
        case stay
        /// Answer, and replace the decoder, which has stopped.
        case replaceDecoder
        /// Answer, and end the connection.
        case close
    }

    /// The request is refused.
    ///
    /// - Parameters:
    ///   - mayStay: whether the connection may live on, as far as the reason goes.
    ///   - isKeepAlive: what the request says of the connection.
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
        /// The HTTP side must end first: ``httpEnded()`` tells when it has.
        case endHTTP
        /// Answer, and remove the decoder.
        case takeOver
    }

    /// The request is accepted.
    package mutating func accepted() -> AcceptAction {
        guard self.hasHTTPSide else { return .takeOver }
        self.phase = .endingHTTP
        return .endHTTP
    }

    /// The HTTP side has ended its output.
    ///
    /// - Returns: whether that was waited for; otherwise it ends the connection.
    package var isEndingHTTP: Bool { self.phase == .endingHTTP }

    /// The connection is a WebSocket's or a stream's.
    package mutating func tookOver() { self.phase = .finished }
}

// MARK: The decoder

extension ServerConnectionState {
    package enum DecoderAction: Hashable, Sendable {
        case nothing
        /// Remove it; ``decoderRemoved()`` must follow.
        case remove
        /// It went on, so it had not stopped: go on with what is held.
        case resume
        /// It went on behind a request that has been accepted: what follows cannot be told from HTTP, so close.
        case close
    }

    /// The decoder has stopped, and is to go.
    ///
    /// - Parameter isWritten: whether nothing that has been written is to be waited for; otherwise ``written()`` must follow.
    package mutating func stopDecoder(for removal: DecoderRemoval, isWritten: Bool) -> DecoderAction {
        guard self.phase != .finished else { return .nothing }
        self.phase = .stoppingDecoder(removal, isWritten: isWritten)
        return self.nextDecoderAction()
    }

    /// What was written before the decoder goes has left.
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

    /// Whether what comes now is what a removed decoder held.
    package var isReceivingLeftovers: Bool {
        if case .removingDecoder = self.phase { return true }
        return false
    }

    /// The decoder has gone.
    ///
    /// - Returns: why; `nil` when it does not matter any more.
    package mutating func decoderRemoved() -> DecoderRemoval? {
        guard case .removingDecoder(let removal) = self.phase else { return nil }
        if removal == .replacement { self.phase = .ready }
        return removal
    }
}

// MARK: Reading

extension ServerConnectionState {
    /// A read is over.
    package mutating func readCompleted() -> DecoderAction {
        self.isInRead = false
        return self.nextDecoderAction()
    }

    package var isReading: Bool { self.isInRead }

    /// Whether more may be read. Nothing is, while a request waits or the client does not take the answers that it has been
    /// given.
    private func mayRead(isWritable: Bool) -> Bool {
        switch self.phase {
        case .ready, .passing, .receiving, .collecting: isWritable
        // One read ahead: most answers come at once, and asking NIO to stop and to go on costs two system calls.
        case .answering: isWritable && self.held.isEmpty && !self.hasInputEnded
        case .waiting, .deciding, .endingHTTP, .stoppingDecoder, .removingDecoder: false
        case .finished: true
        }
    }

    /// NIO wants to read.
    ///
    /// - Returns: whether it may; otherwise ``releaseRead(isWritable:)`` tells when.
    package mutating func askToRead(isWritable: Bool) -> Bool {
        if self.mayRead(isWritable: isWritable) { return true }
        self.isReadHeldBack = true
        return false
    }

    /// Something has changed that reading may depend on.
    ///
    /// - Returns: whether to read what was held back.
    package mutating func releaseRead(isWritable: Bool) -> Bool {
        guard self.isReadHeldBack, self.held.isEmpty, self.mayRead(isWritable: isWritable) else { return false }
        self.isReadHeldBack = false
        return true
    }

    /// Goes on with what was held back; ``nextHeld()`` follows until there is none.
    ///
    /// - Returns: `false` when that is under way already.
    package mutating func beginResuming() -> Bool {
        guard !self.isResuming else { return false }
        self.isResuming = true
        return true
    }

    /// The next part that was held and may go on now.
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
        /// The input has ended, and everything is answered: end the connection.
        case close
        /// The server shuts down, and nothing is under way: end the connection.
        case drain(DrainAction)
    }

    /// There is nothing held that may go on.
    package mutating func endResuming() -> ResumeAction {
        self.isResuming = false
        guard self.held.isEmpty else { return .nothing }
        if self.hasInputEnded, !self.hasHTTPSide, self.phase == .ready || self.phase == .collecting {
            self.finish()
            return .close
        }
        if self.isDraining, self.phase == .ready { return .drain(self.drainAction) }
        return .read
    }
}

// MARK: Ends

extension ServerConnectionState {
    package enum DrainAction: Hashable, Sendable {
        case nothing
        /// Nothing but plain HTTP can come here: end the connection.
        case close
        /// Tell the HTTP side, which ends when its requests are answered.
        case tellHTTP
    }

    private var drainAction: DrainAction { self.hasHTTPSide ? .tellHTTP : .close }

    /// The server shuts down.
    package mutating func quiesced() -> DrainAction {
        self.isDraining = true
        switch self.phase {
        case .ready, .passing: return self.drainAction
        case .collecting:
            self.setTimer(.startDrain)
            return .nothing
        // What is being decided about, or answered, comes to its end first.
        default: return .nothing
        }
    }

    package enum InputEndAction: Hashable, Sendable {
        case nothing
        case close
        case tellHTTP
    }

    /// The client has ended its half of the connection.
    package mutating func inputEnded() -> InputEndAction {
        if case .answering = self.phase {
            self.hasInputEnded = true
            return .nothing
        }
        return self.hasHTTPSide ? .tellHTTP : .close
    }

    package enum ErrorAction: Hashable, Sendable {
        case nothing
        case close
        /// Answer that the request is not valid, and end the connection.
        case refuse
        /// Tell the HTTP side.
        case tellHTTP
        /// Tell whoever is behind, and end the connection.
        case tellAndClose
    }

    /// Something below has failed.
    ///
    /// - Parameter isOfParser: whether what came is no HTTP.
    package mutating func failed(isOfParser: Bool) -> ErrorAction {
        switch self.phase {
        case .stoppingDecoder, .removingDecoder:
            // The decoder went on after an upgrade request: after 101, no frame can be told from HTTP.
            return .close
        case .answering where isOfParser:
            // What came behind the request is none; the answer is still owed.
            self.hasInputEnded = true
            return .nothing
        default:
            guard isOfParser else { return self.hasHTTPSide ? .tellHTTP : .tellAndClose }
            guard !self.hasHTTPSide else { return .tellHTTP }
            return self.refuseAndClose() ? .refuse : .nothing
        }
    }

    /// What came cannot be answered but with a refusal, behind which the connection ends.
    ///
    /// - Returns: `false` when it is over already, and nothing may be written any more.
    package mutating func refuseAndClose() -> Bool {
        guard self.phase != .finished else { return false }
        self.finish()
        return true
    }

    /// The last answer has been written, or is about to be: whatever comes is thrown away. The client has as long as a
    /// handshake may take to end its half.
    package mutating func finish() {
        self.phase = .finished
        self.held = []
        self.setTimer(.startHandshake)
    }

    /// The connection has ended.
    package mutating func closed() {
        self.phase = .finished
        self.held = []
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

    /// The connection has begun.
    package mutating func opened() { self.setTimer(.startHandshake) }

    /// What is to be done with the timer; to be asked behind each event.
    package mutating func takeTimerChange() -> TimerChange? {
        guard let change = self.timerChange else { return nil }
        self.timerChange = nil
        return change
    }

    package enum TimeoutAction: Hashable, Sendable {
        /// The client did not end its half in time.
        case close
        /// No complete request came in time: answer that, and end the connection.
        case refuse
        /// The hook took too long: refuse the request.
        case refuseDecision
    }

    /// The timer has fired.
    package mutating func timerFired() -> TimeoutAction {
        self.isTimerRunning = false
        switch self.phase {
        case .finished: return .close
        case .deciding: return .refuseDecision
        // An answer now would be taken for that to an earlier request, or stand in the middle of it.
        case .receiving where self.unanswered > 0: return .close
        default:
            self.finish()
            return .refuse
        }
    }

    package enum IdleAction: Hashable, Sendable {
        /// Others watch over the connection now.
        case nothing
        case close
        /// No complete request came in time: answer that, and end the connection.
        case refuse
        /// Look again when the rest of the time has passed.
        case waitForRest
        /// Look again after the whole time.
        case waitAgain
    }

    /// The connection without an HTTP side has been looked at.
    ///
    /// - Parameter isOver: whether nothing has come or gone for as long as a connection may be idle.
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
