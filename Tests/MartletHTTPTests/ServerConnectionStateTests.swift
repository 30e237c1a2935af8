import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Checks every event in every state of a connection, and then what happens to whole connections.
@Suite("The state of a server's connection")
struct ServerConnectionStateTests {
    typealias State = ServerConnectionState

    // MARK: Every event everywhere

    /// - Parameter event: an event for which each place has exactly one cell in ``expectations(of:)``.
    @Test("An event does at each place what the table says", arguments: Event.allCases)
    func cell(_ event: Event) {
        var expected: [Place: String] = [:]
        for cells in Self.expectations(of: event) {
            for place in cells.places {
                #expect(expected.updateValue(cells.effect, forKey: place) == nil, "two cells for \(event), \(place)")
            }
        }
        for place in Place.allCases {
            guard let effect = expected[place] else {
                Issue.record("no cell for \(event), \(place)")
                continue
            }
            #expect(event.effect(at: place) == effect, "\(event), \(place)")
        }
    }

    @Test("A place is in the phase that its name says", arguments: Place.allCases)
    func place(_ place: Place) {
        let state = place.state
        let (phase, isInRead) = place.description
        #expect(describe(state.phase) == phase)
        #expect(state.isReading == isInRead)
    }

    @Test("There is a place for each phase, reason and number")
    func allPhases() {
        let phases = Set(Place.allCases.map { describe($0.state.phase) })
        let expected = [
            "ready", "passing", "passing, stops", "collecting", "answering 2", "receiving", "waiting", "deciding 2",
            "ending HTTP", "stopping for replacement", "stopping for replacement, written", "stopping for takeover",
            "stopping for takeover, written", "removing for replacement", "removing for takeover", "finished",
        ]
        #expect(phases == Set(expected))
    }

    @Test("A decoder that may go at once does not wait", arguments: [State.DecoderRemoval.replacement, .takeover])
    func noWait(removal: State.DecoderRemoval) {
        for isWrittenFirst in [true, false] {
            var state = Place.deciding.state
            var action = state.stopDecoder(for: removal, isWritten: isWrittenFirst)
            if !isWrittenFirst {
                #expect(action == .nothing)
                action = state.written()
            }
            #expect(action == .remove)
            #expect(state.phase == .removingDecoder(removal))
        }
    }

    @Test("A decoder that went on is kept, or ends the connection")
    func wentOn() {
        for isWrittenFirst in [true, false] {
            for (removal, expected, phase) in [
                (State.DecoderRemoval.replacement, State.DecoderAction.resume, State.Phase.ready),
                (.takeover, .close, .stoppingDecoder(.takeover, isWritten: true)),
            ] {
                var state = Place.decidingHeld.state
                var action = state.stopDecoder(for: removal, isWritten: isWrittenFirst)
                if !isWrittenFirst {
                    #expect(action == .nothing)
                    action = state.written()
                }
                #expect(action == expected)
                #expect(state.phase == phase)
            }
        }
    }
}

// MARK: - Whole connections

extension ServerConnectionStateTests {
    /// Goes on with what is held, as the shell does.
    private func resume(_ state: inout State, _ perform: (inout State, State.PartAction) -> Void) -> State.ResumeAction
    {
        #expect(state.beginResuming() == true)
        while let action = state.nextHeld() { perform(&state, action) }
        return state.endResuming()
    }

    @Test("Requests of one read are answered one after the other")
    func pipelinedRequests() {
        var state = State()
        state.opened()
        #expect(describe(state.received(head("/1"))) == "begin /1")
        state.begin(.endpoint, stopsDecoder: false)
        #expect(describe(state.received(body("1"))) == "append 1")
        #expect(describe(state.received(.end(nil))) == "answer 1")
        for part in [head("/2"), body("2"), .end(nil), head("/3"), .end(nil)] {
            #expect(describe(state.received(part)) == "nothing")
        }
        #expect(state.readCompleted() == .nothing)
        #expect(state.takeTimerChange() == .stop)
        #expect(state.askToRead(isWritable: true) == false)

        #expect(state.answered(1, isKeepAlive: true) == true)
        var log: [String] = []
        var action = self.resume(&state) { state, action in
            log.append(describe(action))
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
        }
        #expect(log == ["begin /2", "append 2", "answer 2"])
        #expect(action == .nothing)
        #expect(state.releaseRead(isWritable: true) == false)

        #expect(state.answered(2, isKeepAlive: true) == true)
        log = []
        action = self.resume(&state) { state, action in
            log.append(describe(action))
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
        }
        #expect(log == ["begin /3", "answer 3"])
        // Nothing is held any more: read one ahead.
        #expect(action == .read)
        #expect(state.releaseRead(isWritable: true) == true)
        #expect(state.answered(3, isKeepAlive: true) == true)
        #expect(state.phase == .ready)
    }

    @Test("An answer that comes at once goes on with the next request in the same round")
    func answersAtOnce() {
        var state = Place.answeringHeld.state
        #expect(describe(state.received(head("/next"))) == "nothing")
        #expect(describe(state.received(.end(nil))) == "nothing")
        _ = state.readCompleted()
        #expect(state.answered(2, isKeepAlive: true) == true)
        var log: [String] = []
        let action = self.resume(&state) { state, action in
            log.append(describe(action))
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
            guard case .answer(let question) = action else { return }
            #expect(state.answered(question, isKeepAlive: true) == true)
            #expect(state.beginResuming() == false)
        }
        #expect(log == ["begin /held", "answer 3", "begin /next", "answer 4"])
        #expect(action == .read)
        #expect(state.phase == .ready)
    }

    @Test("Input after the last answer is discarded")
    func behindTheLastAnswer() {
        var state = Place.answeringHeld.state
        #expect(state.answered(2, isKeepAlive: false) == false)
        #expect(self.resume(&state) { _, _ in Issue.record("nothing may go on") } == .read)
        #expect(describe(state.received(head("/new"))) == "nothing")
        #expect(state.phase == .finished)
        #expect(!state.hasMoreThanHead)
        // The client has to end its half in time, and is read until then.
        #expect(state.askToRead(isWritable: false) == true)
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(state.timerFired() == .close)
    }

    @Test("An upgrade behind plain requests waits for their answers, and for the HTTP side's end")
    func upgradeBehindPlainRequests() {
        var state = State()
        state.opened()
        for _ in 1...2 {
            _ = state.received(head("/plain"))
            state.begin(.http, stopsDecoder: false)
            #expect(describe(state.received(.end(nil))) == "pass end")
        }
        _ = state.received(head("/socket"))
        state.begin(.takeover, stopsDecoder: true)
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(describe(state.received(.end(nil))) == "nothing")
        #expect(state.takeTimerChange() == .stop)
        #expect(state.readCompleted() == .nothing)
        #expect(state.askToRead(isWritable: true) == false)

        #expect(state.httpAnswered() == false)
        #expect(state.httpAnswered() == true)
        #expect(state.phase == .waiting)
        let question = state.deciding()
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(state.decided(question) == true)
        #expect(state.takeTimerChange() == .stop)
        #expect(state.accepted() == .endHTTP)
        #expect(state.isEndingHTTP)
        #expect(state.inputEnded() == .tellHTTP)

        #expect(state.stopDecoder(for: .takeover, isWritten: false) == .nothing)
        #expect(state.written() == .remove)
        #expect(state.isReceivingLeftovers)
        #expect(state.decoderRemoved() == .takeover)
        state.tookOver()
        #expect(state.phase == .finished)
        #expect(state.takeTimerChange() == nil)
    }

    @Test("A decoder that stopped behind a refusal is replaced, and the next handshake of the read is accepted")
    func refusalThenUpgrade() {
        var state = State()
        state.opened()
        _ = state.received(head("/refused"))
        state.begin(.takeover, stopsDecoder: true)
        #expect(describe(state.received(.end(nil))) == "decide")
        #expect(!state.hasMoreThanHead)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true) == .replaceDecoder)
        #expect(state.stopDecoder(for: .replacement, isWritten: true) == .nothing)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.readCompleted() == .remove)
        #expect(state.isReceivingLeftovers)
        #expect(state.decoderRemoved() == .replacement)
        #expect(!state.isReceivingLeftovers)

        // What the old decoder held comes from the new one.
        #expect(describe(state.received(head("/accepted"))) == "begin /accepted")
        state.begin(.takeover, stopsDecoder: true)
        #expect(describe(state.received(.end(nil))) == "decide")
        #expect(state.accepted() == .takeOver)
        #expect(state.stopDecoder(for: .takeover, isWritten: false) == .nothing)
        // In either order.
        #expect(state.written() == .nothing)
        #expect(state.readCompleted() == .remove)
        #expect(state.decoderRemoved() == .takeover)
    }

    @Test("A decoder that did not stop behind a refusal goes on with the same read")
    func refusalThenRequest() {
        var state = State()
        state.opened()
        _ = state.received(head("/refused"))
        state.begin(.takeover, stopsDecoder: false)
        #expect(describe(state.received(body("1"))) == "nothing")
        #expect(describe(state.received(.end(nil))) == "decide")
        #expect(state.hasMoreThanHead)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) == .stay)
        #expect(self.resume(&state) { _, _ in Issue.record("nothing is held") } == .read)
        #expect(describe(state.received(head("/next"))) == "begin /next")
        state.begin(.takeover, stopsDecoder: false)
        // The body was the earlier request's.
        #expect(!state.hasMoreThanHead)
    }

    @Test("A decoder is replaced behind a plain request, and a held-back read follows once")
    func replacementBehindPlainRequest() {
        var state = State()
        state.opened()
        _ = state.received(head("/plain"))
        state.begin(.http, stopsDecoder: true)
        #expect(describe(state.received(.end(nil))) == "pass end and replace")
        #expect(state.stopDecoder(for: .replacement, isWritten: true) == .nothing)
        #expect(state.readCompleted() == .remove)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.decoderRemoved() == .replacement)
        #expect(self.resume(&state) { _, _ in Issue.record("nothing is held") } == .read)
        #expect(state.releaseRead(isWritable: true) == true)
        #expect(state.releaseRead(isWritable: true) == false)
    }

    @Test("A connection ends when its decoder went on behind an accepted request")
    func decoderWentOnBehindUpgrade() {
        // In the same read.
        var state = Place.waitingForNone.state
        #expect(state.accepted() == .takeOver)
        #expect(state.stopDecoder(for: .takeover, isWritten: false) == .nothing)
        #expect(describe(state.received(head("/behind"))) == "nothing")
        #expect(state.written() == .nothing)
        #expect(state.readCompleted() == .close)

        // While a hook was asked.
        state = Place.deciding.state
        #expect(describe(state.received(head("/behind"))) == "nothing")
        #expect(state.hasMoreThanHead)
        #expect(state.readCompleted() == .nothing)
        #expect(state.decided(2) == true)
        #expect(state.accepted() == .takeOver)
        #expect(state.stopDecoder(for: .takeover, isWritten: true) == .close)

        // The input is not HTTP.
        state = Place.stoppingTakeover.state
        #expect(state.failed(isOfParser: true) == .close)
    }

    @Test("A decoder that went on behind a refusal loses nothing")
    func decoderWentOnBehindRefusal() {
        var state = Place.waitingForNone.state
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true) == .replaceDecoder)
        #expect(state.stopDecoder(for: .replacement, isWritten: true) == .nothing)
        #expect(describe(state.received(head("/behind"))) == "nothing")
        #expect(describe(state.received(.end(nil))) == "nothing")
        #expect(state.readCompleted() == .resume)
        var log: [String] = []
        let action = self.resume(&state) { state, action in
            log.append(describe(action))
            if case .begin = action { state.begin(.http, stopsDecoder: false) }
        }
        #expect(log == ["begin /behind", "pass end"])
        #expect(action == .read)
    }

    @Test("Answers that come too late change nothing")
    func lateAnswers() {
        // The client was told that the hook took too long, and asks again.
        var state = Place.deciding.state
        #expect(state.timerFired() == .refuseDecision)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) == .stay)
        #expect(state.decided(2) == false)
        #expect(describe(state.received(head("/again"))) == "begin /again")
        state.begin(.takeover, stopsDecoder: false)
        _ = state.received(.end(nil))
        #expect(state.deciding() == 3)
        #expect(state.decided(2) == false)
        #expect(state.answered(3, isKeepAlive: true) == nil)
        #expect(state.decided(3) == true)

        // An endpoint that answers twice.
        state = Place.answering.state
        #expect(state.answered(2, isKeepAlive: true) == true)
        #expect(state.answered(2, isKeepAlive: true) == nil)
        #expect(state.receivedWhole() == 3)
        #expect(state.answered(2, isKeepAlive: false) == nil)
        #expect(state.decided(3) == false)
        #expect(state.answered(3, isKeepAlive: true) == true)

        // The connection has ended.
        state = Place.answering.state
        state.closed()
        #expect(state.answered(2, isKeepAlive: true) == nil)
        state = Place.deciding.state
        state.closed()
        #expect(state.decided(2) == false)
        state = Place.removingTakeover.state
        state.closed()
        #expect(state.decoderRemoved() == nil)
        state = Place.waiting.state
        state.closed()
        #expect(state.httpAnswered() == false)
    }

    struct Drain: CustomTestStringConvertible {
        let place: Place
        let name: String
        let finish: @Sendable (inout State) -> String

        init(_ place: Place, _ name: String, _ finish: @escaping @Sendable (inout State) -> String) {
            self.place = place
            self.name = name
            self.finish = finish
        }

        var testDescription: String { "\(self.place): \(self.name)" }
    }

    static let drains = [
        Drain(.collecting, "the last answer") {
            _ = $0.received(.end(nil))
            return describe($0.answered(1, isKeepAlive: true))
        },
        Drain(.collecting, "the rest does not come") { "\($0.timerFired())" },
        Drain(.answeringHeld, "the last answer") { describe($0.answered(2, isKeepAlive: true)) },
        Drain(.receiving, "refused") {
            _ = $0.received(.end(nil))
            return "\($0.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true))"
        },
        Drain(.waiting, "refused") {
            guard $0.httpAnswered() else { return "" }
            return "\($0.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true))"
        },
        Drain(.deciding, "refused") {
            guard $0.decided(2) else { return "" }
            return "\($0.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false))"
        },
        Drain(.deciding, "accepted") {
            guard $0.decided(2) else { return "" }
            return "\($0.accepted()) \($0.stopDecoder(for: .takeover, isWritten: true)) \($0.isDraining)"
        },
        Drain(.endingHTTP, "accepted") { "\($0.stopDecoder(for: .takeover, isWritten: true)) \($0.isDraining)" },
        Drain(.stoppingReplacementWrittenInRead, "replaced") {
            guard $0.readCompleted() == .remove, $0.decoderRemoved() == .replacement, $0.beginResuming() else {
                return ""
            }
            return describe($0.endResuming())
        },
        Drain(.removingReplacementHTTP, "replaced") {
            guard $0.decoderRemoved() == .replacement, $0.beginResuming() else { return "" }
            return describe($0.endResuming())
        },
    ]

    static let drainResults = [
        "false", "refuse", "false", "close", "close", "close", "takeOver remove true", "remove true",
        "drain by close", "drain by tellHTTP",
    ]

    @Test("A drain lets what is under way come to its end", arguments: zip(drains, drainResults))
    func drain(_ drain: Drain, _ result: String) {
        var state = drain.place.state
        #expect(state.quiesced() == .nothing)
        #expect(drain.finish(&state) == result)
    }

    @Test("Whole requests that came before the end of the input are answered")
    func inputEndsBehindRequests() {
        var state = Place.answeringHeld.state
        _ = state.received(head("/unfinished"))
        _ = state.readCompleted()
        #expect(state.inputEnded() == .nothing)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.answered(2, isKeepAlive: true) == true)
        let perform: (inout State, State.PartAction) -> Void = { state, action in
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
        }
        #expect(self.resume(&state, perform) == .nothing)
        #expect(state.answered(3, isKeepAlive: true) == true)
        #expect(self.resume(&state, perform) == .close)
        #expect(state.phase == .finished)

        state = Place.answeringHeld.state
        #expect(state.inputEnded() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        #expect(self.resume(&state, perform) == .read)
        // The last answer says so.
        #expect(state.answered(3, isKeepAlive: true) == false)
    }

    @Test("The end of the input does not end a connection that owes an answer of the HTTP side")
    func inputEndsBehindPlainRequest() {
        var state = Place.answeringHeld.state
        #expect(state.inputEnded() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        let action = self.resume(&state) { state, action in
            if case .begin = action { state.begin(.http, stopsDecoder: false) }
        }
        #expect(action == .read)
        #expect(state.phase == .ready)
        #expect(state.httpAnswered() == false)
    }

    @Test("A request for the connection that was held waits for the decision about it")
    func heldTakeover() {
        var state = Place.answering.state
        for part in [head("/socket"), body("1"), .end(nil), head("/behind")] {
            #expect(describe(state.received(part)) == "nothing")
        }
        #expect(state.readCompleted() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        var log: [String] = []
        let action = self.resume(&state) { state, action in
            log.append(describe(action))
            switch action {
            case .begin: state.begin(.takeover, stopsDecoder: false)
            case .decide: #expect(state.deciding() == 3)
            default: break
            }
        }
        #expect(log == ["begin /socket", "nothing", "decide"])
        #expect(action == .nothing)
        #expect(state.hasMoreThanHead)
    }

    @Test("An answer is still due when the input after the request is not HTTP")
    func garbageBehindRequest() {
        var state = Place.answering.state
        #expect(state.failed(isOfParser: true) == .nothing)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.answered(2, isKeepAlive: true) == false)
        // It is over: nothing more is written.
        #expect(state.failed(isOfParser: true) == .nothing)
    }

    @Test("The hundredth refusal ends a connection")
    func refusals() {
        var state = State()
        for count in 1...100 {
            _ = state.received(head("/"))
            state.begin(.takeover, stopsDecoder: false)
            _ = state.received(.end(nil))
            let action = state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false)
            #expect(action == (count < 100 ? .stay : .close))
        }
        #expect(state.phase == .finished)
    }

    @Test("A timer that has fired runs no more")
    func firedTimer() {
        var state = Place.decidingHTTP.state
        #expect(state.timerFired() == .refuseDecision)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) == .stay)
        #expect(state.takeTimerChange() == nil)
        _ = state.received(head("/next"))
        state.begin(.takeover, stopsDecoder: false)
        #expect(state.takeTimerChange() == .startHandshake)
    }

    @Test("The timer runs while a request for the connection is awaited, and while a hook is asked")
    func timer() {
        var state = State()
        state.opened()
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(state.takeTimerChange() == nil)
        _ = state.received(head("/"))
        state.begin(.takeover, stopsDecoder: true)
        // It is that of the connection's beginning.
        #expect(state.takeTimerChange() == nil)
        _ = state.received(.end(nil))
        #expect(state.takeTimerChange() == .stop)
        let question = state.deciding()
        #expect(state.takeTimerChange() == .startHandshake)
        _ = state.decided(question)
        _ = state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false)
        // The last of several changes applies.
        #expect(state.takeTimerChange() == .startHandshake)
        state.closed()
        #expect(state.takeTimerChange() == .stop)
        state.closed()
        #expect(state.takeTimerChange() == nil)
    }
}

// MARK: - The table

extension ServerConnectionStateTests {
    /// Places at which an event has the same effect.
    struct Cells {
        /// The result of the event, and the changes it makes: see ``Event/effect(at:)``.
        let effect: String
        let places: [Place]

        init(_ effect: String, _ places: [Place]...) {
            self.effect = effect
            self.places = places.flatMap { $0 }
        }
    }

    static func expectations(of event: Event) -> [Cells] {
        switch event {
        case .receivedHead:
            [
                Cells(
                    "begin /new +read",
                    [.fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
                Cells("begin /new", [.readyInRead]),
                Cells(
                    "nothing +read", .removings, .finisheds,
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingBody,
                        .decidingHeld, .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                        .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("pass head /new", .passings, .collectings, .receivings),
                Cells(
                    "nothing +read +more",
                    [
                        .answering, .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding,
                        .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                    ]),
                Cells(
                    "nothing +more",
                    [
                        .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP,
                        .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead,
                    ]),
                Cells(
                    "nothing",
                    [
                        .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    ]),
            ]
        case .receivedBody:
            [
                Cells(
                    "pass body xyz +read",
                    [.fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
                Cells("pass body xyz", .passings, [.readyInRead]),
                Cells(
                    "nothing +read", .removings, .finisheds,
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingBody,
                        .decidingHeld, .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                        .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("append xyz", .collectings),
                Cells(
                    "nothing +read +more",
                    [
                        .answering, .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding,
                        .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                    ]),
                Cells(
                    "nothing +more",
                    [
                        .answeringInRead, .receiving, .receivingHTTP, .waitingForNone, .stoppingReplacementInRead,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP,
                        .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead,
                    ]),
                Cells(
                    "nothing",
                    [
                        .receivingBody, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    ]),
            ]
        case .receivedEnd:
            [
                Cells(
                    "pass end +read",
                    [.fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
                Cells("pass end", [.readyInRead]),
                Cells(
                    "nothing +read", .removings, .finisheds,
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingBody,
                        .decidingHeld, .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                        .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("pass end -> ready", [.passing]),
                Cells("pass end and replace -> ready", [.passingStops]),
                Cells("answer 1 -> answering 1", [.collecting]),
                Cells("answer 1 -> answering 1 timer: stop", [.collectingDraining]),
                Cells(
                    "nothing +read +more",
                    [
                        .answering, .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding,
                        .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                    ]),
                Cells(
                    "nothing +more",
                    [
                        .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP,
                        .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead,
                    ]),
                Cells("decide -> waiting timer: stop", [.receiving, .receivingBody]),
                Cells("nothing -> waiting timer: stop", [.receivingHTTP]),
                Cells(
                    "nothing",
                    [
                        .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    ]),
            ]
        case .beginEndpoint:
            [
                Cells(
                    "- -> collecting timer: stop", .receivings,
                    [.fresh, .deciding, .decidingBody, .decidingHeld, .decidingHTTP, .finished, .finishedHTTP]),
                Cells(
                    "- -> collecting", .passings, .waitings, .endings, .stoppingsInRead, .stoppingsBetweenReads,
                    .removings,
                    [
                        .ready, .readyInRead, .readyHeld, .readyHTTP, .readyInputEnded, .answering, .answeringInRead,
                        .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld, .tookOver, .closed,
                    ]),
                Cells(
                    "- -> collecting timer: startDrain",
                    [.readyDraining, .readyDrainingHTTP, .answeringDraining, .decidingDraining]),
                Cells("-", [.collecting]),
                Cells("- timer: startDrain", [.collectingDraining]),
            ]
        case .beginTakeover:
            [
                Cells(
                    "- -> receiving",
                    [
                        .fresh, .collectingDraining, .deciding, .decidingHeld, .decidingHTTP, .decidingDraining,
                        .finished, .finishedHTTP,
                    ]),
                Cells(
                    "- -> receiving timer: startHandshake", .passings, .answerings, .waitings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings,
                    [
                        .ready, .readyInRead, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP,
                        .readyInputEnded, .collecting, .tookOver, .closed,
                    ]),
                Cells("-", [.receiving, .receivingHTTP]),
                Cells("- -more", [.receivingBody]),
                Cells("- -> receiving -more", [.decidingBody]),
            ]
        case .beginHTTPStops:
            [
                Cells(
                    "- -> passing, stops timer: stop +http",
                    [
                        .fresh, .collectingDraining, .receiving, .receivingBody, .deciding, .decidingBody,
                        .decidingHeld, .decidingDraining, .finished,
                    ]),
                Cells(
                    "- -> passing, stops +http", .answerings, .stoppingsBetweenReads,
                    [
                        .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .collecting,
                        .waitingForNone, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                        .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .tookOver, .closed,
                    ]),
                Cells(
                    "- -> passing, stops", .endings,
                    [
                        .readyHTTP, .readyDrainingHTTP, .passing, .waiting, .waitingForTwo, .waitingHeld,
                        .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP,
                    ]),
                Cells("-", [.passingStops]),
                Cells("- -> passing, stops timer: stop", [.receivingHTTP, .decidingHTTP, .finishedHTTP]),
            ]
        case .mayTakeWhole:
            [
                Cells("true", [.fresh, .ready, .readyInRead, .readyHTTP]),
                Cells(
                    "false", .passings, .collectings, .answerings, .receivings, .waitings, .decidings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds,
                    [.readyHeld, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
            ]
        case .receivedWhole:
            [
                Cells("1 -> answering 1 timer: stop +read", [.fresh, .finishedHTTP]),
                Cells("2 -> answering 2 +read", [.ready, .readyDraining, .closed]),
                Cells("3 -> answering 3", [.readyInRead, .answeringInRead]),
                Cells(
                    "3 -> answering 3 +read", .endings,
                    [
                        .readyHeld, .readyInputEnded, .answering, .answeringHeld, .answeringInputEnded,
                        .answeringInputEndedHeld, .answeringDraining,
                    ]),
                Cells(
                    "1 -> answering 1 +read", .stoppingsBetweenReads, .removings,
                    [.readyHTTP, .readyDrainingHTTP, .waiting, .waitingForTwo, .waitingHeld, .tookOver]),
                Cells("1 -> answering 1", .passings, .stoppingsInRead, [.collecting, .waitingForNone]),
                Cells("1 -> answering 1 timer: stop", .receivings, [.collectingDraining]),
                Cells("3 -> answering 3 timer: stop +read", .decidings, [.finished]),
            ]
        case .answered:
            [
                Cells(
                    "nil", .readies, .passings, .collectings, .receivings, .waitings, .decidings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
                Cells("true -> ready", [.answering, .answeringInRead, .answeringHeld, .answeringInputEndedHeld]),
                Cells("false -> finished timer: startHandshake", [.answeringInputEnded, .answeringDraining]),
            ]
        case .answeredNoKeepAlive:
            [
                Cells(
                    "nil", .readies, .passings, .collectings, .receivings, .waitings, .decidings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
                Cells(
                    "false -> finished timer: startHandshake",
                    [.answering, .answeringInRead, .answeringInputEnded, .answeringDraining]),
                Cells("false -> finished timer: startHandshake -more", [.answeringHeld, .answeringInputEndedHeld]),
            ]
        case .answeredLate:
            [
                Cells("nil", .everywhere)
            ]
        case .httpAnswered:
            [
                Cells(
                    "false", .readies, .passings, .collectings, .answerings, .receivings, .decidings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds,
                    [.waitingForTwo, .waitingForNone]),
                Cells("true", [.waiting, .waitingHeld]),
            ]
        case .beginHTTP:
            [
                Cells(
                    "- -> passing timer: stop +http",
                    [
                        .fresh, .collectingDraining, .receiving, .receivingBody, .deciding, .decidingBody,
                        .decidingHeld, .decidingDraining, .finished,
                    ]),
                Cells(
                    "- -> passing +http", .answerings, .stoppingsBetweenReads,
                    [
                        .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .collecting,
                        .waitingForNone, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                        .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .tookOver, .closed,
                    ]),
                Cells(
                    "- -> passing", .endings,
                    [
                        .readyHTTP, .readyDrainingHTTP, .passingStops, .waiting, .waitingForTwo, .waitingHeld,
                        .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP,
                    ]),
                Cells("-", [.passing]),
                Cells("- -> passing timer: stop", [.receivingHTTP, .decidingHTTP, .finishedHTTP]),
            ]
        case .hasMoreThanHead:
            [
                Cells(
                    "false", .passings, .collectings, .removings, .finisheds,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .receiving,
                        .receivingHTTP, .waiting, .waitingForTwo, .waitingForNone, .deciding, .decidingHTTP,
                        .decidingDraining, .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "true",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .receivingBody, .waitingHeld,
                        .decidingBody, .decidingHeld, .endingHTTPHeld, .stoppingReplacementInReadHeld,
                        .stoppingReplacementWrittenInReadHeld, .stoppingReplacementHeld, .stoppingTakeoverInReadHeld,
                        .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
            ]
        case .deciding:
            [
                Cells(
                    "1 -> deciding 1 timer: startHandshake", .passings, .collectings, .receivings, .waitings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings,
                    [.fresh, .readyHTTP, .readyDrainingHTTP, .finishedHTTP, .tookOver]),
                Cells("2 -> deciding 2 timer: startHandshake", [.ready, .readyDraining, .closed]),
                Cells(
                    "3 -> deciding 3 timer: startHandshake", .answerings, .decidings, .endings,
                    [.readyInRead, .readyHeld, .readyInputEnded, .finished]),
            ]
        case .decided:
            [
                Cells(
                    "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
                Cells("true timer: stop", .decidings),
            ]
        case .decidedLate:
            [
                Cells("false", .everywhere)
            ]
        case .refused:
            [
                Cells("stay timer: startHandshake", [.fresh, .ready, .readyInRead, .readyHeld, .readyInputEnded]),
                Cells("stay", [.readyHTTP]),
                Cells(
                    "close -> finished timer: startHandshake",
                    [.readyDraining, .readyDrainingHTTP, .collectingDraining, .answeringDraining, .decidingDraining]),
                Cells(
                    "stay -> ready", .passings, .endings,
                    [
                        .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld, .decidingHTTP,
                        .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                    ]),
                Cells(
                    "stay -> ready timer: startHandshake", .stoppingsBetweenReads,
                    [
                        .collecting, .answering, .answeringInRead, .answeringHeld, .answeringInputEnded,
                        .answeringInputEndedHeld, .receiving, .receivingBody, .waitingForNone, .deciding, .decidingBody,
                        .decidingHeld, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                        .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .finished,
                        .tookOver, .closed,
                    ]),
            ]
        case .refusedStops:
            [
                Cells(
                    "replaceDecoder timer: startHandshake",
                    [.fresh, .ready, .readyInRead, .readyHeld, .readyInputEnded]),
                Cells("replaceDecoder", [.readyHTTP]),
                Cells(
                    "close -> finished timer: startHandshake",
                    [.readyDraining, .readyDrainingHTTP, .collectingDraining, .answeringDraining, .decidingDraining]),
                Cells(
                    "replaceDecoder -> ready", .passings, .endings,
                    [
                        .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld, .decidingHTTP,
                        .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                    ]),
                Cells(
                    "replaceDecoder -> ready timer: startHandshake", .stoppingsBetweenReads,
                    [
                        .collecting, .answering, .answeringInRead, .answeringHeld, .answeringInputEnded,
                        .answeringInputEndedHeld, .receiving, .receivingBody, .waitingForNone, .deciding, .decidingBody,
                        .decidingHeld, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                        .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .finished,
                        .tookOver, .closed,
                    ]),
            ]
        case .refusedMayNotStay:
            [
                Cells(
                    "close -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                        .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                        .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "close -> finished timer: startHandshake -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("close timer: startHandshake", .finisheds),
            ]
        case .refusedNoKeepAlive:
            [
                Cells(
                    "close -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                        .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                        .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "close -> finished timer: startHandshake -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("close timer: startHandshake", .finisheds),
            ]
        case .refusedHundredth:
            [
                Cells(
                    "close -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                        .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                        .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "close -> finished timer: startHandshake -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("close timer: startHandshake", .finisheds),
            ]
        case .accepted:
            [
                Cells(
                    "takeOver", .collectings, .answerings, .stoppingsBetweenReads,
                    [
                        .fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .receiving,
                        .receivingBody, .waitingForNone, .deciding, .decidingBody, .decidingHeld, .decidingDraining,
                        .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld, .removingReplacement,
                        .removingTakeover, .finished, .tookOver, .closed,
                    ]),
                Cells(
                    "endHTTP -> ending HTTP", .passings,
                    [
                        .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                        .decidingHTTP, .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                    ]),
                Cells("endHTTP", .endings),
            ]
        case .isEndingHTTP:
            [
                Cells(
                    "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
                Cells("true", .endings),
            ]
        case .tookOver:
            [
                Cells(
                    "- -> finished", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                    .endings, .stoppingsInRead, .stoppingsBetweenReads, .removings),
                Cells("-", .finisheds),
            ]
        case .stopForReplacementWritten:
            [
                Cells(
                    "remove -> removing for replacement",
                    [
                        .fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded, .answering,
                        .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding, .decidingBody,
                        .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                        .removingTakeover,
                    ]),
                Cells(
                    "nothing -> stopping for replacement, written", .passings, .collectings, .receivings,
                    [
                        .readyInRead, .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                        .stoppingReplacementInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld,
                    ]),
                Cells("resume", [.readyHeld]),
                Cells(
                    "resume -> ready",
                    [
                        .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld, .endingHTTPHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells(
                    "nothing", .finisheds,
                    [
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementWrittenInReadHTTP,
                    ]),
                Cells("remove", [.removingReplacement, .removingReplacementHTTP]),
            ]
        case .stopForReplacement:
            [
                Cells(
                    "nothing -> stopping for replacement", .readies, .passings, .collectings, .answerings, .receivings,
                    .waitings, .decidings, .endings, .removings,
                    [
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld, .stoppingTakeover,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells(
                    "nothing", .finisheds,
                    [
                        .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacement,
                        .stoppingReplacementHeld,
                    ]),
            ]
        case .stopForTakeover:
            [
                Cells(
                    "nothing -> stopping for takeover", .readies, .passings, .collectings, .answerings, .receivings,
                    .waitings, .decidings, .endings, .removings,
                    [
                        .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHeld, .stoppingReplacementWrittenInReadHTTP,
                        .stoppingReplacement, .stoppingReplacementHeld, .stoppingTakeoverWrittenInRead,
                        .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells(
                    "nothing", .finisheds,
                    [.stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeover, .stoppingTakeoverHeld]),
            ]
        case .stopForTakeoverWritten:
            [
                Cells(
                    "remove -> removing for takeover",
                    [
                        .fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded, .answering,
                        .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding, .decidingBody,
                        .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                        .removingReplacement, .removingReplacementHTTP,
                    ]),
                Cells(
                    "nothing -> stopping for takeover, written", .passings, .collectings, .receivings,
                    [
                        .readyInRead, .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                        .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHeld, .stoppingReplacementWrittenInReadHTTP,
                        .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                    ]),
                Cells(
                    "close -> stopping for takeover, written",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                    ]),
                Cells("nothing", .finisheds, [.stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld]),
                Cells("close", [.stoppingTakeoverWrittenHeld]),
                Cells("remove", [.removingTakeover]),
            ]
        case .written:
            [
                Cells(
                    "nothing", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                    .endings, .removings, .finisheds,
                    [
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingTakeoverWrittenInRead,
                        .stoppingTakeoverWrittenInReadHeld,
                    ]),
                Cells(
                    "nothing -> stopping for replacement, written",
                    [.stoppingReplacementInRead, .stoppingReplacementInReadHeld]),
                Cells("remove -> removing for replacement", [.stoppingReplacement]),
                Cells("resume -> ready", [.stoppingReplacementHeld]),
                Cells(
                    "nothing -> stopping for takeover, written",
                    [.stoppingTakeoverInRead, .stoppingTakeoverInReadHeld]),
                Cells("remove -> removing for takeover", [.stoppingTakeover]),
                Cells("close -> stopping for takeover, written", [.stoppingTakeoverHeld]),
                Cells("close", [.stoppingTakeoverWrittenHeld]),
            ]
        case .isReceivingLeftovers:
            [
                Cells(
                    "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                    .endings, .stoppingsInRead, .stoppingsBetweenReads, .finisheds),
                Cells("true", .removings),
            ]
        case .decoderRemoved:
            [
                Cells(
                    "nil", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .finisheds),
                Cells("replacement -> ready", [.removingReplacement, .removingReplacementHTTP]),
                Cells("takeover", [.removingTakeover]),
            ]
        case .readCompleted:
            [
                Cells(
                    "nothing", .decidings, .endings, .removings, .finisheds,
                    [
                        .fresh, .ready, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld, .answeringDraining,
                        .waiting, .waitingForTwo, .waitingHeld, .stoppingReplacement, .stoppingReplacementHeld,
                        .stoppingTakeover, .stoppingTakeoverHeld,
                    ]),
                Cells(
                    "nothing -read", .passings, .collectings, .receivings,
                    [
                        .readyInRead, .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                        .stoppingReplacementInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                    ]),
                Cells(
                    "remove -> removing for replacement -read",
                    [.stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP]),
                Cells("resume -> ready -read", [.stoppingReplacementWrittenInReadHeld]),
                Cells("remove -> removing for takeover -read", [.stoppingTakeoverWrittenInRead]),
                Cells("close -read", [.stoppingTakeoverWrittenInReadHeld]),
                Cells("close", [.stoppingTakeoverWrittenHeld]),
            ]
        case .askToRead:
            [
                Cells(
                    "true", .readies, .passings, .collectings, .receivings, .finisheds,
                    [.answering, .answeringInRead, .answeringDraining]),
                Cells(
                    "false", .waitings, .decidings, .endings, .stoppingsInRead, .stoppingsBetweenReads, .removings,
                    [.answeringHeld, .answeringInputEnded, .answeringInputEndedHeld]),
            ]
        case .askToReadUnwritable:
            [
                Cells(
                    "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                    .endings, .stoppingsInRead, .stoppingsBetweenReads, .removings),
                Cells("true", .finisheds),
            ]
        case .releaseReadUnasked:
            [
                Cells("false", .everywhere)
            ]
        case .releaseRead:
            [
                Cells(
                    "true false", .passings, .collectings, .receivings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringDraining,
                    ]),
                Cells(
                    "false false", .waitings, .decidings, .endings, .stoppingsInRead, .stoppingsBetweenReads,
                    .removings, .finisheds,
                    [.readyHeld, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld]),
            ]
        case .releaseReadUnwritable:
            [
                Cells("false", .everywhere)
            ]
        case .beginResuming:
            [
                Cells("true", .everywhere)
            ]
        case .beginResumingTwice:
            [
                Cells("true false", .everywhere)
            ]
        case .nextHeld:
            [
                Cells(
                    "nil", .passings, .collectings, .answerings, .receivings, .waitings, .decidings, .endings,
                    .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds,
                    [.fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
                Cells("begin /held", [.readyHeld]),
            ]
        case .endResuming:
            [
                Cells(
                    "read true", .passings, .collectings, .receivings, .removings, .finisheds,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .answering, .answeringInRead, .answeringInputEnded,
                        .answeringDraining, .waiting, .waitingForTwo, .waitingForNone, .deciding, .decidingBody,
                        .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacementInRead,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement,
                        .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "nothing true",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("drain by close true", [.readyDraining]),
                Cells("drain by tellHTTP true", [.readyDrainingHTTP]),
                Cells("close true -> finished timer: startHandshake", [.readyInputEnded]),
            ]
        case .quiesced:
            [
                Cells("close +draining", [.fresh, .ready, .readyInRead, .readyHeld, .readyInputEnded]),
                Cells("tellHTTP +draining", .passings, [.readyHTTP]),
                Cells("close", [.readyDraining]),
                Cells("tellHTTP", [.readyDrainingHTTP]),
                Cells("nothing timer: startDrain +draining", [.collecting]),
                Cells("nothing timer: startDrain", [.collectingDraining]),
                Cells(
                    "nothing +draining", .receivings, .waitings, .endings, .stoppingsInRead, .stoppingsBetweenReads,
                    .removings, .finisheds,
                    [
                        .answering, .answeringInRead, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld,
                        .deciding, .decidingBody, .decidingHeld, .decidingHTTP,
                    ]),
                Cells("nothing", [.answeringDraining, .decidingDraining]),
            ]
        case .inputEnded:
            [
                Cells(
                    "close", .collectings, .stoppingsBetweenReads,
                    [
                        .fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .receiving,
                        .receivingBody, .waitingForNone, .deciding, .decidingBody, .decidingHeld, .decidingDraining,
                        .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld, .removingReplacement,
                        .removingTakeover, .finished, .tookOver, .closed,
                    ]),
                Cells(
                    "tellHTTP", .passings, .endings,
                    [
                        .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                        .decidingHTTP, .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                    ]),
                Cells("nothing", .answerings),
            ]
        case .failedParser:
            [
                Cells(
                    "refuse -> finished timer: startHandshake", .collectings,
                    [
                        .fresh, .ready, .readyInRead, .readyDraining, .readyInputEnded, .receiving, .receivingBody,
                        .waitingForNone, .deciding, .decidingBody, .decidingDraining,
                    ]),
                Cells("refuse -> finished timer: startHandshake -more", [.readyHeld, .decidingHeld]),
                Cells(
                    "tellHTTP", .passings, .endings,
                    [
                        .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                        .decidingHTTP, .finishedHTTP,
                    ]),
                Cells("nothing", .answerings, [.finished, .tookOver, .closed]),
                Cells("close", .stoppingsInRead, .stoppingsBetweenReads, .removings),
            ]
        case .failedOther:
            [
                Cells(
                    "tellAndClose", .collectings, .answerings,
                    [
                        .fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .receiving,
                        .receivingBody, .waitingForNone, .deciding, .decidingBody, .decidingHeld, .decidingDraining,
                        .finished, .tookOver, .closed,
                    ]),
                Cells(
                    "tellHTTP", .passings, .endings,
                    [
                        .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                        .decidingHTTP, .finishedHTTP,
                    ]),
                Cells("close", .stoppingsInRead, .stoppingsBetweenReads, .removings),
            ]
        case .refuseAndClose:
            [
                Cells(
                    "true -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                        .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                        .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "true -> finished timer: startHandshake -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("false", .finisheds),
            ]
        case .finish:
            [
                Cells(
                    "- -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                        .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                        .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "- -> finished timer: startHandshake -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                        .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                        .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                        .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("- timer: startHandshake", .finisheds),
            ]
        case .closed:
            [
                Cells(
                    "- -> finished timer: stop", .receivings,
                    [.fresh, .collectingDraining, .deciding, .decidingBody, .decidingHTTP, .decidingDraining]),
                Cells(
                    "- -> finished", .passings, .removings,
                    [
                        .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .collecting, .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                        .waitingForTwo, .waitingForNone, .endingHTTP, .stoppingReplacementInRead,
                        .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement,
                        .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "- -> finished -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .endingHTTPHeld,
                        .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld, .stoppingReplacementHeld,
                        .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverHeld,
                        .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("- -> finished timer: stop -more", [.decidingHeld]),
                Cells("- timer: stop", [.finished, .finishedHTTP]),
                Cells("-", [.tookOver, .closed]),
            ]
        case .timerFired:
            [
                Cells(
                    "refuse -> finished timer: startHandshake", .passings, .collectings, .removings,
                    [
                        .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                        .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .receiving,
                        .receivingBody, .waiting, .waitingForTwo, .waitingForNone, .endingHTTP,
                        .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                        .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                        .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                    ]),
                Cells(
                    "refuse -> finished timer: startHandshake -more",
                    [
                        .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .endingHTTPHeld,
                        .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld, .stoppingReplacementHeld,
                        .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverHeld,
                        .stoppingTakeoverWrittenHeld,
                    ]),
                Cells("close", .finisheds, [.receivingHTTP]),
                Cells("refuseDecision", .decidings),
            ]
        case .opened:
            [
                Cells("- timer: startHandshake", .everywhere)
            ]
        case .idleTimerFired:
            [
                Cells(
                    "waitForRest", .collectings,
                    [.fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded]),
                Cells(
                    "nothing", .passings, .receivings, .waitings, .decidings, .endings, .stoppingsInRead,
                    .stoppingsBetweenReads, .removings, .finisheds,
                    [.readyHTTP, .readyDrainingHTTP]),
                Cells("waitAgain", .answerings),
            ]
        case .idleTimerFiredOver:
            [
                Cells("close", [.fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded]),
                Cells(
                    "nothing", .passings, .receivings, .waitings, .decidings, .endings, .stoppingsInRead,
                    .stoppingsBetweenReads, .removings, .finisheds,
                    [.readyHTTP, .readyDrainingHTTP]),
                Cells("refuse -> finished timer: startHandshake", .collectings),
                Cells("waitAgain", .answerings),
            ]
        case .takeTimerChange:
            [
                Cells("nil", .everywhere)
            ]
        }
    }
}

// MARK: - Places

/// A state of a connection. Unless the name says otherwise it has no HTTP side, and nothing is held. ``description``
/// says whether a read is under way.
enum Place: String, CaseIterable {
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
            state.leadToAnswering(held: [head("/held"), .end(nil)])
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
            state.leadToAnswering(held: [head("/held")])
            _ = state.inputEnded()
            _ = state.answered(2, isKeepAlive: true)
            _ = state.nextHeld()
        case .passing: state.leadTo(.http)
        case .passingStops: state.leadTo(.http, stopsDecoder: true)
        case .collecting: state.leadTo(.endpoint)
        case .collectingDraining:
            state.leadTo(.endpoint)
            _ = state.quiesced()
        case .answering: state.leadToAnswering()
        case .answeringInRead:
            state.leadToReady()
            _ = state.receivedWhole()
        case .answeringHeld: state.leadToAnswering(held: [head("/held"), .end(nil)])
        case .answeringInputEnded:
            state.leadToAnswering()
            _ = state.inputEnded()
        case .answeringInputEndedHeld:
            state.leadToAnswering(held: [head("/held"), .end(nil)])
            _ = state.inputEnded()
        case .answeringDraining:
            state.leadToAnswering()
            _ = state.quiesced()
        case .receiving: state.leadTo(.takeover)
        case .receivingBody:
            state.leadTo(.takeover)
            _ = state.received(body("1"))
        case .receivingHTTP:
            state.leadTo(.http)
            _ = state.received(.end(nil))
            state.leadTo(.takeover)
        case .waiting: state.leadToWaiting(for: 1)
        case .waitingForTwo: state.leadToWaiting(for: 2)
        case .waitingHeld: state.leadToWaiting(for: 1, held: [head("/held")])
        case .waitingForNone:
            state.leadTo(.takeover)
            _ = state.received(.end(nil))
        case .deciding: state.leadToDeciding()
        case .decidingBody: state.leadToDeciding(hasBody: true)
        case .decidingHeld: state.leadToDeciding(held: [head("/held")])
        case .decidingHTTP:
            state.leadToHTTP()
            state.leadToDeciding()
        case .decidingDraining:
            state.leadToDeciding()
            _ = state.quiesced()
        case .endingHTTP: state.leadToEndingHTTP()
        case .endingHTTPHeld:
            state.leadToEndingHTTP()
            state.hold([head("/held")])
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
        _ = self.received(head("/first"))
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
        if hasBody { _ = self.received(body("1")) }
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
        if isHeld { _ = self.received(head("/held")) }
        if isHeld, !isInRead { _ = self.readCompleted() }
    }
}

// MARK: - Groups of places

extension [Place] {
    fileprivate static var readies: Self {
        [
            .fresh, .ready, .readyInRead, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
        ]
    }
    fileprivate static var passings: Self { [.passing, .passingStops] }
    fileprivate static var collectings: Self { [.collecting, .collectingDraining] }
    fileprivate static var answerings: Self {
        [
            .answering, .answeringInRead, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld,
            .answeringDraining,
        ]
    }
    fileprivate static var receivings: Self { [.receiving, .receivingBody, .receivingHTTP] }
    fileprivate static var waitings: Self { [.waiting, .waitingForTwo, .waitingHeld, .waitingForNone] }
    fileprivate static var decidings: Self {
        [
            .deciding, .decidingBody, .decidingHeld, .decidingHTTP, .decidingDraining,
        ]
    }
    fileprivate static var endings: Self { [.endingHTTP, .endingHTTPHeld] }
    fileprivate static var stoppingsInRead: Self {
        [
            .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
            .stoppingReplacementWrittenInReadHeld, .stoppingReplacementWrittenInReadHTTP, .stoppingTakeoverInRead,
            .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld,
        ]
    }
    fileprivate static var stoppingsBetweenReads: Self {
        [
            .stoppingReplacement, .stoppingReplacementHeld, .stoppingTakeover, .stoppingTakeoverHeld,
            .stoppingTakeoverWrittenHeld,
        ]
    }
    fileprivate static var removings: Self { [.removingReplacement, .removingReplacementHTTP, .removingTakeover] }
    fileprivate static var finisheds: Self { [.finished, .finishedHTTP, .tookOver, .closed] }
    fileprivate static var everywhere: Self {
        [
            Self.readies, Self.passings, Self.collectings, Self.answerings, Self.receivings, Self.waitings,
            Self.decidings, Self.endings, Self.stoppingsInRead, Self.stoppingsBetweenReads, Self.removings,
            Self.finisheds,
        ].flatMap { $0 }
    }
}

// MARK: - Events

/// An event or a question that a connection may receive.
enum Event: String, CaseIterable {
    case receivedHead
    case receivedBody
    case receivedEnd
    case beginEndpoint
    case beginTakeover
    case beginHTTP
    case beginHTTPStops
    case mayTakeWhole
    case receivedWhole
    case answered
    case answeredNoKeepAlive
    case answeredLate
    case httpAnswered
    case hasMoreThanHead
    case deciding
    case decided
    case decidedLate
    case refused
    case refusedStops
    case refusedMayNotStay
    case refusedNoKeepAlive
    case refusedHundredth
    case accepted
    case isEndingHTTP
    case tookOver
    case stopForReplacement
    case stopForReplacementWritten
    case stopForTakeover
    case stopForTakeoverWritten
    case written
    case isReceivingLeftovers
    case decoderRemoved
    case readCompleted
    case askToRead
    case askToReadUnwritable
    case releaseReadUnasked
    case releaseRead
    case releaseReadUnwritable
    case beginResuming
    case beginResumingTwice
    case nextHeld
    case endResuming
    case quiesced
    case inputEnded
    case failedParser
    case failedOther
    case refuseAndClose
    case finish
    case closed
    case opened
    case timerFired
    case idleTimerFired
    case idleTimerFiredOver
    case takeTimerChange

    /// Returns the effect of the event at a place: the result, and the changes it makes.
    func effect(at place: Place) -> String {
        let before = place.state
        var state = before
        var words = [self.send(to: &state)]
        if state.phase != before.phase { words.append("-> \(describe(state.phase))") }
        if let change = state.takeTimerChange() { words.append("timer: \(change)") }
        let flags = zip(Self.flags(before), Self.flags(state))
        for (old, new) in flags where old.isSet != new.isSet { words.append("\(new.isSet ? "+" : "-")\(new.name)") }
        return words.joined(separator: " ")
    }

    private static func flags(_ state: ServerConnectionState) -> [(name: String, isSet: Bool)] {
        [
            ("read", state.isReading), ("more", state.hasMoreThanHead), ("http", state.hasHTTPSide),
            ("draining", state.isDraining),
        ]
    }

    private func send(to state: inout ServerConnectionState) -> String {
        switch self {
        case .receivedHead: return describe(state.received(head("/new")))
        case .receivedBody: return describe(state.received(body("xyz")))
        case .receivedEnd: return describe(state.received(.end(nil)))
        case .beginEndpoint: state.begin(.endpoint, stopsDecoder: false)
        case .beginTakeover: state.begin(.takeover, stopsDecoder: true)
        case .beginHTTP: state.begin(.http, stopsDecoder: false)
        case .beginHTTPStops: state.begin(.http, stopsDecoder: true)
        case .mayTakeWhole: return "\(state.mayTakeWhole)"
        case .receivedWhole: return "\(state.receivedWhole())"
        case .answered: return describe(state.answered(2, isKeepAlive: true))
        case .answeredNoKeepAlive: return describe(state.answered(2, isKeepAlive: false))
        case .answeredLate: return describe(state.answered(1, isKeepAlive: true))
        case .httpAnswered: return "\(state.httpAnswered())"
        case .hasMoreThanHead: return "\(state.hasMoreThanHead)"
        case .deciding: return "\(state.deciding())"
        case .decided: return "\(state.decided(2))"
        case .decidedLate: return "\(state.decided(1))"
        case .refused: return "\(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false))"
        case .refusedStops: return "\(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true))"
        case .refusedMayNotStay: return "\(state.refused(mayStay: false, isKeepAlive: true, stopsDecoder: true))"
        case .refusedNoKeepAlive: return "\(state.refused(mayStay: true, isKeepAlive: false, stopsDecoder: true))"
        case .refusedHundredth:
            for _ in 1..<100 { _ = state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) }
            return "\(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false))"
        case .accepted: return "\(state.accepted())"
        case .isEndingHTTP: return "\(state.isEndingHTTP)"
        case .tookOver: state.tookOver()
        case .stopForReplacement: return "\(state.stopDecoder(for: .replacement, isWritten: false))"
        case .stopForReplacementWritten: return "\(state.stopDecoder(for: .replacement, isWritten: true))"
        case .stopForTakeover: return "\(state.stopDecoder(for: .takeover, isWritten: false))"
        case .stopForTakeoverWritten: return "\(state.stopDecoder(for: .takeover, isWritten: true))"
        case .written: return "\(state.written())"
        case .isReceivingLeftovers: return "\(state.isReceivingLeftovers)"
        case .decoderRemoved: return describe(state.decoderRemoved())
        case .readCompleted: return "\(state.readCompleted())"
        case .askToRead: return "\(state.askToRead(isWritable: true))"
        case .askToReadUnwritable: return "\(state.askToRead(isWritable: false))"
        case .releaseReadUnasked: return "\(state.releaseRead(isWritable: true))"
        case .releaseRead:
            _ = state.askToRead(isWritable: false)
            // Only once.
            return "\(state.releaseRead(isWritable: true)) \(state.releaseRead(isWritable: true))"
        case .releaseReadUnwritable:
            _ = state.askToRead(isWritable: false)
            return "\(state.releaseRead(isWritable: false))"
        case .beginResuming: return "\(state.beginResuming())"
        case .beginResumingTwice: return "\(state.beginResuming()) \(state.beginResuming())"
        case .nextHeld: return state.nextHeld().map(describe) ?? "nil"
        case .endResuming:
            _ = state.beginResuming()
            // The next time may begin.
            return "\(describe(state.endResuming())) \(state.beginResuming())"
        case .quiesced: return "\(state.quiesced())"
        case .inputEnded: return "\(state.inputEnded())"
        case .failedParser: return "\(state.failed(isOfParser: true))"
        case .failedOther: return "\(state.failed(isOfParser: false))"
        case .refuseAndClose: return "\(state.refuseAndClose())"
        case .finish: state.finish()
        case .closed: state.closed()
        case .opened: state.opened()
        case .timerFired: return "\(state.timerFired())"
        case .idleTimerFired: return "\(state.idleTimerFired(isOver: false))"
        case .idleTimerFiredOver: return "\(state.idleTimerFired(isOver: true))"
        case .takeTimerChange: return describe(state.takeTimerChange())
        }
        return "-"
    }
}

// MARK: - Descriptions

private func head(_ uri: String) -> HTTPServerRequestPart { .head(.init(version: .http1_1, method: .GET, uri: uri)) }

private func body(_ text: String) -> HTTPServerRequestPart { .body(ByteBuffer(string: text)) }

private func describe(_ part: HTTPServerRequestPart) -> String {
    switch part {
    case .head(let head): "head \(head.uri)"
    case .body(let bytes): "body \(String(buffer: bytes))"
    case .end: "end"
    }
}

private func describe(_ action: ServerConnectionState.PartAction) -> String {
    switch action {
    case .nothing: "nothing"
    case .begin(let head): "begin \(head.uri)"
    case .append(let bytes): "append \(String(buffer: bytes))"
    case .answer(let question): "answer \(question)"
    case .decide: "decide"
    case .pass(let part): "pass \(describe(part))"
    case .passAndReplaceDecoder(let part): "pass \(describe(part)) and replace"
    }
}

private func describe(_ phase: ServerConnectionState.Phase) -> String {
    switch phase {
    case .ready: "ready"
    case .passing(let stopsDecoder): stopsDecoder ? "passing, stops" : "passing"
    case .collecting: "collecting"
    case .answering(let question): "answering \(question)"
    case .receiving: "receiving"
    case .waiting: "waiting"
    case .deciding(let question): "deciding \(question)"
    case .endingHTTP: "ending HTTP"
    case .stoppingDecoder(let removal, let isWritten): "stopping for \(removal)\(isWritten ? ", written" : "")"
    case .removingDecoder(let removal): "removing for \(removal)"
    case .finished: "finished"
    }
}

private func describe(_ action: ServerConnectionState.ResumeAction) -> String {
    switch action {
    case .drain(let action): "drain by \(action)"
    default: "\(action)"
    }
}

private func describe(_ value: (some Any)?) -> String { value.map { "\($0)" } ?? "nil" }
