import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Checks requests that come before the earlier ones have been answered.
@Suite("Requests on one connection are answered in their order")
struct PipelinedRequestTests {
    typealias Fixture = ServerConnectionStateFixture
    typealias State = ServerConnectionState

    @Test("Requests of one read are answered one after the other")
    func pipelinedRequests() {
        var state = State()
        state.opened()
        #expect(Fixture.describe(state.received(Fixture.head("/1"))) == "begin /1")
        state.begin(.endpoint, stopsDecoder: false)
        #expect(Fixture.describe(state.received(Fixture.body("1"))) == "append 1")
        #expect(Fixture.describe(state.received(.end(nil))) == "answer 1")
        for part in [Fixture.head("/2"), Fixture.body("2"), .end(nil), Fixture.head("/3"), .end(nil)] {
            #expect(Fixture.describe(state.received(part)) == "nothing")
        }
        #expect(state.readCompleted() == .nothing)
        #expect(state.takeTimerChange() == .stop)
        #expect(state.askToRead(isWritable: true) == false)

        #expect(state.answered(1, isKeepAlive: true) == true)
        var log: [String] = []
        var action = Fixture.resume(&state) { state, action in
            log.append(Fixture.describe(action))
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
        }
        #expect(log == ["begin /2", "append 2", "answer 2"])
        #expect(action == .nothing)
        #expect(state.releaseRead(isWritable: true) == false)

        #expect(state.answered(2, isKeepAlive: true) == true)
        log = []
        action = Fixture.resume(&state) { state, action in
            log.append(Fixture.describe(action))
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
        #expect(Fixture.describe(state.received(Fixture.head("/next"))) == "nothing")
        #expect(Fixture.describe(state.received(.end(nil))) == "nothing")
        _ = state.readCompleted()
        #expect(state.answered(2, isKeepAlive: true) == true)
        var log: [String] = []
        let action = Fixture.resume(&state) { state, action in
            log.append(Fixture.describe(action))
            if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
            guard case .answer(let question) = action else { return }
            #expect(state.answered(question, isKeepAlive: true) == true)
            #expect(state.beginResuming() == false)
        }
        #expect(log == ["begin /held", "answer 3", "begin /next", "answer 4"])
        #expect(action == .read)
        #expect(state.phase == .ready)
    }

    /// Receives as from NIO once the client has ended its half: it reads to the end, and asks nobody.
    @Test("Requests beyond what may be held are discarded, and the connection ends after those before them")
    func tooManyHeld() {
        var state = Place.answering.state
        for _ in 0..<20_000 {
            _ = state.received(Fixture.head("/held"))
            _ = state.received(.end(nil))
        }
        _ = state.readCompleted()
        _ = state.inputEnded()
        var answered = 0
        var question = 2
        while state.answered(question, isKeepAlive: true) == true {
            let action = Fixture.resume(&state) { state, action in
                if case .begin = action { state.begin(.endpoint, stopsDecoder: false) }
                if case .answer(let next) = action { question = next }
            }
            #expect(action == (state.hasMoreThanHead ? .nothing : .read))
            answered += 1
        }
        #expect((1000..<5000).contains(answered))
        #expect(state.phase == .finished)
    }

    @Test("Bodies beyond what may be held are discarded, and the HTTP side is told that the input has ended")
    func tooManyBytesHeld() {
        var state = Place.postponed.state
        let bytes = String(repeating: "x", count: 8192)
        _ = state.received(Fixture.head("/upload"))
        for _ in 0..<1000 { _ = state.received(Fixture.body(bytes)) }
        _ = state.received(.end(nil))
        _ = state.readCompleted()
        var passed = 0
        var action = State.ResumeAction.nothing
        for _ in 0..<3 {
            #expect(state.httpAnswered() == .resume)
            action = Fixture.resume(&state) { state, action in
                switch action {
                case .begin(let head):
                    if state.mustPostpone { return state.postpone(head) }
                    state.begin(.http, stopsDecoder: false)
                case .pass(.body(let bytes)): passed += bytes.readableBytes
                default: break
                }
            }
        }
        #expect(passed <= 128 * 1024)
        #expect(action == .tellInputEnd)
        #expect(state.phase == .passing(stopsDecoder: false))
    }

    @Test("Answers that come too late change nothing")
    func lateAnswers() {
        // The client was told that the hook took too long, and asks again.
        var state = Place.deciding.state
        #expect(state.timerFired() == .refuseDecision)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) == .stay)
        #expect(state.decided(2) == false)
        #expect(Fixture.describe(state.received(Fixture.head("/again"))) == "begin /again")
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
        #expect(state.httpAnswered() == .nothing)
    }

    @Test("A request for the connection that was held waits for the decision about it")
    func heldTakeover() {
        var state = Place.answering.state
        for part in [Fixture.head("/socket"), Fixture.body("1"), .end(nil), Fixture.head("/behind")] {
            #expect(Fixture.describe(state.received(part)) == "nothing")
        }
        #expect(state.readCompleted() == .nothing)
        #expect(state.answered(2, isKeepAlive: true) == true)
        var log: [String] = []
        let action = Fixture.resume(&state) { state, action in
            log.append(Fixture.describe(action))
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

    @Test("The HTTP side gets one request after the other, and the input's end behind them")
    func postponed() {
        var state = Place.postponed.state
        #expect(state.inputEnded() == .nothing)
        var passed: [String] = []
        func resume() -> State.ResumeAction {
            Fixture.resume(&state) { state, action in
                switch action {
                case .begin(let head):
                    if state.mustPostpone { return state.postpone(head) }
                    state.begin(.http, stopsDecoder: false)
                    passed.append(head.uri)
                case .pass(let part): passed.append(Fixture.describe(part))
                default: Issue.record("\(action)")
                }
            }
        }
        #expect(state.httpAnswered() == .resume)
        #expect(resume() == .nothing)
        #expect(passed == ["/second", "end"] && state.phase == .postponed)
        #expect(state.httpAnswered() == .resume)
        #expect(resume() == .tellInputEnd)
        #expect(passed == ["/second", "end", "/third", "end"] && state.phase == .ready)
    }
}
