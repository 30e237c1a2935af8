import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// A state of a connection. Unless the name says otherwise it has no HTTP side, and nothing is held. ``description``
/// says whether a read is under way.
enum Place: String, CaseIterable {
    private typealias Fixture = ServerConnectionStateFixture

    case fresh
    /// An endpoint has answered.
    case ready
    case readyInRead
    case readyHeld
    case readyHTTP
    case readyDraining
    case readyDrainingHTTP
    case readyInputEnded
    case passing
    case passingStops
    /// A request for the HTTP side waits, and the next one behind it.
    case postponed
    case collecting
    case collectingDraining
    case answering
    case answeringInRead
    case answeringHeld
    case answeringInputEnded
    case answeringInputEndedHeld
    case answeringDraining
    case receiving
    case receivingBody
    case receivingHTTP
    /// The HTTP side owes one answer.
    case waiting
    case waitingForTwo
    case waitingHeld
    /// It is to be decided about at once.
    case waitingForNone
    case deciding
    case decidingBody
    case decidingHeld
    case decidingHTTP
    case decidingDraining
    case endingHTTP
    case endingHTTPHeld
    case stoppingReplacementInRead
    case stoppingReplacementInReadHeld
    case stoppingReplacementWrittenInRead
    case stoppingReplacementWrittenInReadHeld
    case stoppingReplacementWrittenInReadHTTP
    case stoppingReplacement
    case stoppingReplacementHeld
    case stoppingTakeoverInRead
    case stoppingTakeoverInReadHeld
    case stoppingTakeoverWrittenInRead
    case stoppingTakeoverWrittenInReadHeld
    case stoppingTakeover
    case stoppingTakeoverHeld
    /// It is to be closed.
    case stoppingTakeoverWrittenHeld
    case removingReplacement
    case removingReplacementHTTP
    case removingTakeover
    /// The last answer has been written.
    case finished
    case finishedHTTP
    case tookOver
    case closed

    /// The phase, and whether a read is under way.
    var description: (phase: String, isInRead: Bool) {
        switch self {
        case .fresh, .ready, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded:
            ("ready", false)
        case .readyInRead: ("ready", true)
        case .passing: ("passing", true)
        case .passingStops: ("passing, stops", true)
        case .postponed: ("postponed", false)
        case .collecting, .collectingDraining: ("collecting", true)
        case .answering, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld, .answeringDraining:
            ("answering 2", false)
        case .answeringInRead: ("answering 2", true)
        case .receiving, .receivingBody, .receivingHTTP: ("receiving", true)
        case .waiting, .waitingForTwo, .waitingHeld: ("waiting", false)
        case .waitingForNone: ("waiting", true)
        case .deciding, .decidingBody, .decidingHeld, .decidingHTTP, .decidingDraining: ("deciding 2", false)
        case .endingHTTP, .endingHTTPHeld: ("ending HTTP", false)
        case .stoppingReplacementInRead, .stoppingReplacementInReadHeld: ("stopping for replacement", true)
        case .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
            .stoppingReplacementWrittenInReadHTTP:
            ("stopping for replacement, written", true)
        case .stoppingReplacement, .stoppingReplacementHeld: ("stopping for replacement", false)
        case .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld: ("stopping for takeover", true)
        case .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld:
            ("stopping for takeover, written", true)
        case .stoppingTakeover, .stoppingTakeoverHeld: ("stopping for takeover", false)
        case .stoppingTakeoverWrittenHeld: ("stopping for takeover, written", false)
        case .removingReplacement, .removingReplacementHTTP: ("removing for replacement", false)
        case .removingTakeover: ("removing for takeover", false)
        case .finished, .finishedHTTP, .tookOver, .closed: ("finished", false)
        }
    }

    /// A connection in this state.
    var state: ServerConnectionState {
        var state = ServerConnectionState()
        state.opened()
        self.lead(&state)
        _ = state.takeTimerChange()
        return state
    }

    private func lead(_ state: inout ServerConnectionState) {
        switch self {
        case .fresh: break
        case .ready: state.leadToReady()
        case .readyInRead:
            state.leadToReady()
            _ = state.receivedWhole()
            _ = state.answered(2, isKeepAlive: true)
        case .readyHeld:
            state.leadToAnswering(held: [Fixture.head("/held"), .end(nil)])
            _ = state.answered(2, isKeepAlive: true)
        case .readyHTTP:
            state.leadToHTTP()
        case .readyDraining:
            state.leadToReady()
            _ = state.quiesced()
        case .readyDrainingHTTP:
            state.leadToHTTP()
            _ = state.quiesced()
        case .readyInputEnded:
            state.leadToAnswering(held: [Fixture.head("/held")])
            _ = state.inputEnded()
            _ = state.answered(2, isKeepAlive: true)
            _ = state.nextHeld()
        case .passing: state.leadTo(.http)
        case .passingStops: state.leadTo(.http, stopsDecoder: true)
        case .postponed:
            state.leadTo(.http)
            _ = state.received(.end(nil))
            if case .begin(let head) = state.received(Fixture.head("/second")) { state.postpone(head) }
            state.hold([.end(nil), Fixture.head("/third"), .end(nil)])
            _ = state.readCompleted()
        case .collecting: state.leadTo(.endpoint)
        case .collectingDraining:
            state.leadTo(.endpoint)
            _ = state.quiesced()
        case .answering: state.leadToAnswering()
        case .answeringInRead:
            state.leadToReady()
            _ = state.receivedWhole()
        case .answeringHeld: state.leadToAnswering(held: [Fixture.head("/held"), .end(nil)])
        case .answeringInputEnded:
            state.leadToAnswering()
            _ = state.inputEnded()
        case .answeringInputEndedHeld:
            state.leadToAnswering(held: [Fixture.head("/held"), .end(nil)])
            _ = state.inputEnded()
        case .answeringDraining:
            state.leadToAnswering()
            _ = state.quiesced()
        case .receiving: state.leadTo(.takeover)
        case .receivingBody:
            state.leadTo(.takeover)
            _ = state.received(Fixture.body("1"))
        case .receivingHTTP:
            state.leadTo(.http)
            _ = state.received(.end(nil))
            state.leadTo(.takeover)
        case .waiting: state.leadToWaiting(for: 1)
        case .waitingForTwo: state.leadToWaiting(for: 2)
        case .waitingHeld: state.leadToWaiting(for: 1, held: [Fixture.head("/held")])
        case .waitingForNone:
            state.leadTo(.takeover)
            _ = state.received(.end(nil))
        case .deciding: state.leadToDeciding()
        case .decidingBody: state.leadToDeciding(hasBody: true)
        case .decidingHeld: state.leadToDeciding(held: [Fixture.head("/held")])
        case .decidingHTTP:
            state.leadToHTTP()
            state.leadToDeciding()
        case .decidingDraining:
            state.leadToDeciding()
            _ = state.quiesced()
        case .endingHTTP: state.leadToEndingHTTP()
        case .endingHTTPHeld:
            state.leadToEndingHTTP()
            state.hold([Fixture.head("/held")])
        case .stoppingReplacementInRead: state.leadToStopping(.replacement, false, isInRead: true)
        case .stoppingReplacementInReadHeld: state.leadToStopping(.replacement, false, isInRead: true, isHeld: true)
        case .stoppingReplacementWrittenInRead: state.leadToStopping(.replacement, true, isInRead: true)
        case .stoppingReplacementWrittenInReadHeld:
            state.leadToStopping(.replacement, true, isInRead: true, isHeld: true)
        case .stoppingReplacementWrittenInReadHTTP:
            state.leadTo(.http, stopsDecoder: true)
            _ = state.received(.end(nil))
            _ = state.stopDecoder(for: .replacement, isWritten: true)
        case .stoppingReplacement: state.leadToStopping(.replacement, false, isInRead: false)
        case .stoppingReplacementHeld: state.leadToStopping(.replacement, false, isInRead: false, isHeld: true)
        case .stoppingTakeoverInRead: state.leadToStopping(.takeover, false, isInRead: true)
        case .stoppingTakeoverInReadHeld: state.leadToStopping(.takeover, false, isInRead: true, isHeld: true)
        case .stoppingTakeoverWrittenInRead: state.leadToStopping(.takeover, true, isInRead: true)
        case .stoppingTakeoverWrittenInReadHeld: state.leadToStopping(.takeover, true, isInRead: true, isHeld: true)
        case .stoppingTakeover: state.leadToStopping(.takeover, false, isInRead: false)
        case .stoppingTakeoverHeld: state.leadToStopping(.takeover, false, isInRead: false, isHeld: true)
        case .stoppingTakeoverWrittenHeld:
            state.leadToStopping(.takeover, true, isInRead: true, isHeld: true)
            _ = state.readCompleted()
        case .removingReplacement: state.leadToStopping(.replacement, true, isInRead: false)
        case .removingReplacementHTTP:
            Place.stoppingReplacementWrittenInReadHTTP.lead(&state)
            _ = state.readCompleted()
        case .removingTakeover: state.leadToStopping(.takeover, true, isInRead: false)
        case .finished:
            state.leadToAnswering()
            _ = state.answered(2, isKeepAlive: false)
        case .finishedHTTP:
            state.leadToHTTP()
            _ = state.refuseAndClose()
        case .tookOver:
            Place.removingTakeover.lead(&state)
            _ = state.decoderRemoved()
            state.tookOver()
        case .closed:
            state.leadToReady()
            state.closed()
        }
    }
}

extension ServerConnectionState {
    /// A request begins.
    fileprivate mutating func leadTo(_ destination: Destination, stopsDecoder: Bool = false) {
        _ = self.received(ServerConnectionStateFixture.head("/first"))
        self.begin(destination, stopsDecoder: stopsDecoder)
    }

    /// An endpoint has answered the first question.
    fileprivate mutating func leadToReady() {
        self.leadToFirstQuestion()
        _ = self.answered(1, isKeepAlive: true)
    }

    private mutating func leadToFirstQuestion() {
        _ = self.receivedWhole()
        _ = self.readCompleted()
    }

    /// The HTTP side has answered.
    fileprivate mutating func leadToHTTP() {
        self.leadTo(.http)
        _ = self.received(.end(nil))
        _ = self.readCompleted()
        _ = self.httpAnswered()
    }

    fileprivate mutating func hold(_ parts: [HTTPServerRequestPart]) {
        for part in parts { _ = self.received(part) }
        _ = self.readCompleted()
    }

    /// The question has the number 2, so that there is an earlier one.
    fileprivate mutating func leadToAnswering(held: [HTTPServerRequestPart] = []) {
        self.leadToReady()
        self.leadToFirstQuestion()
        self.hold(held)
    }

    fileprivate mutating func leadToWaiting(for count: Int, held: [HTTPServerRequestPart] = []) {
        for _ in 0..<count {
            self.leadTo(.http)
            _ = self.received(.end(nil))
        }
        self.leadTo(.takeover)
        _ = self.received(.end(nil))
        self.hold(held)
    }

    /// The question has the number 2, so that there is an earlier one.
    fileprivate mutating func leadToDeciding(hasBody: Bool = false, held: [HTTPServerRequestPart] = []) {
        self.leadTo(.takeover)
        if hasBody { _ = self.received(ServerConnectionStateFixture.body("1")) }
        _ = self.received(.end(nil))
        _ = self.deciding()
        _ = self.deciding()
        self.hold(held)
    }

    fileprivate mutating func leadToEndingHTTP() {
        self.leadToHTTP()
        self.leadToDeciding()
        _ = self.decided(2)
        _ = self.accepted()
    }

    fileprivate mutating func leadToStopping(
        _ removal: DecoderRemoval, _ isWritten: Bool, isInRead: Bool, isHeld: Bool = false
    ) {
        self.leadTo(.takeover)
        _ = self.received(.end(nil))
        if !isInRead { _ = self.readCompleted() }
        _ = self.stopDecoder(for: removal, isWritten: isWritten)
        if isHeld { _ = self.received(ServerConnectionStateFixture.head("/held")) }
        if isHeld, !isInRead { _ = self.readCompleted() }
    }
}
