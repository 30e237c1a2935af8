import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Checks the ways in which a connection comes to its end.
@Suite("A server's connection ends when nothing is owed any more")
struct ConnectionEndTests {
    typealias Fixture = ServerConnectionStateFixture
    typealias State = ServerConnectionState

    @Test("Input after the last answer is discarded")
    func behindTheLastAnswer() {
        var state = Place.answeringHeld.state
        #expect(state.answered(2, isKeepAlive: false) == false)
        #expect(Fixture.resume(&state) { _, _ in Issue.record("nothing may go on") } == .read)
        #expect(Fixture.describe(state.received(Fixture.head("/new"))) == "nothing")
        #expect(state.phase == .finished)
        #expect(!state.hasMoreThanHead)
        // The client has to end its half in time, and is read until then.
        #expect(state.askToRead(isWritable: false) == true)
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(state.timerFired() == .close)
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
            return Fixture.describe($0.answered(1, isKeepAlive: true))
        },
        Drain(.collecting, "the rest does not come") { "\($0.timerFired())" },
        Drain(.answeringHeld, "the last answer") { Fixture.describe($0.answered(2, isKeepAlive: true)) },
        Drain(.receiving, "refused") {
            _ = $0.received(.end(nil))
            return "\($0.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true))"
        },
        Drain(.waiting, "refused") {
            guard $0.httpAnswered() == .decide else { return "" }
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
            return Fixture.describe($0.endResuming())
        },
        Drain(.removingReplacementHTTP, "replaced") {
            guard $0.decoderRemoved() == .replacement, $0.beginResuming() else { return "" }
            return Fixture.describe($0.endResuming())
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
        _ = state.received(Fixture.head("/unfinished"))
        _ = state.readCompleted()
        #expect(state.inputEnded() == .nothing)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.answered(2, isKeepAlive: true) == true)
        let perform: (inout State, State.PartAction) -> Void = { state, action in
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
        }
        #expect(Fixture.resume(&state, perform) == .nothing)
        #expect(state.answered(3, isKeepAlive: true) == true)
        #expect(Fixture.resume(&state, perform) == .close)
        #expect(state.phase == .finished)

        state = Place.answeringHeld.state
        #expect(state.inputEnded() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        #expect(Fixture.resume(&state, perform) == .read)
        // The last answer says so.
        #expect(state.answered(3, isKeepAlive: true) == false)
    }

    @Test("The end of the input does not end a connection that owes an answer of the HTTP side")
    func inputEndsBehindPlainRequest() {
        var state = Place.answeringHeld.state
        #expect(state.inputEnded() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        let action = Fixture.resume(&state) { state, action in
            if case .begin = action { state.begin(.http, stopsDecoder: false) }
        }
        #expect(action == .tellInputEnd)
        #expect(state.phase == .ready)
        #expect(state.httpAnswered() == .nothing)
    }

    @Test(
        "The end of the input behind a request that never becomes whole is not forgotten",
        arguments: zip(
            [State.Destination.endpoint, .takeover, .http], [State.ResumeAction.close, .close, .tellInputEnd]))
    func inputEndsInsideHeldRequest(destination: State.Destination, expected: State.ResumeAction) {
        var state = Place.answering.state
        _ = state.received(Fixture.head("/held"))
        _ = state.received(Fixture.body("xyz"))
        _ = state.readCompleted()
        #expect(state.inputEnded() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        let action = Fixture.resume(&state) { state, action in
            if case .begin = action { state.begin(destination, stopsDecoder: false) }
        }
        #expect(action == expected)
        let phase: State.Phase = expected == .close ? .finished : .passing(stopsDecoder: false)
        #expect(state.phase == phase)
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
            _ = state.received(Fixture.head("/"))
            state.begin(.takeover, stopsDecoder: false)
            _ = state.received(.end(nil))
            let action = state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false)
            #expect(action == (count < 100 ? .stay : .close))
        }
        #expect(state.phase == .finished)
    }
}
