import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Checks requests that ask for the connection itself, and the decoder behind them.
@Suite("Requests for a server's connection are accepted or refused")
struct ConnectionTakeoverTests {
    typealias Fixture = ServerConnectionStateFixture
    typealias State = ServerConnectionState

    @Test("An upgrade behind plain requests waits for their answers, and for the HTTP side's end")
    func upgradeBehindPlainRequests() {
        var state = State()
        state.opened()
        for _ in 1...2 {
            _ = state.received(Fixture.head("/plain"))
            state.begin(.http, stopsDecoder: false)
            #expect(Fixture.describe(state.received(.end(nil))) == "pass end")
        }
        _ = state.received(Fixture.head("/socket"))
        state.begin(.takeover, stopsDecoder: true)
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(Fixture.describe(state.received(.end(nil))) == "nothing")
        #expect(state.takeTimerChange() == .stop)
        #expect(state.readCompleted() == .nothing)
        #expect(state.askToRead(isWritable: true) == false)

        #expect(state.httpAnswered() == .nothing)
        #expect(state.httpAnswered() == .decide)
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
        _ = state.received(Fixture.head("/refused"))
        state.begin(.takeover, stopsDecoder: true)
        #expect(Fixture.describe(state.received(.end(nil))) == "decide")
        #expect(!state.hasMoreThanHead)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true) == .replaceDecoder)
        #expect(state.stopDecoder(for: .replacement, isWritten: true) == .nothing)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.readCompleted() == .remove)
        #expect(state.isReceivingLeftovers)
        #expect(state.decoderRemoved() == .replacement)
        #expect(!state.isReceivingLeftovers)

        // What the old decoder held comes from the new one.
        #expect(Fixture.describe(state.received(Fixture.head("/accepted"))) == "begin /accepted")
        state.begin(.takeover, stopsDecoder: true)
        #expect(Fixture.describe(state.received(.end(nil))) == "decide")
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
        _ = state.received(Fixture.head("/refused"))
        state.begin(.takeover, stopsDecoder: false)
        #expect(Fixture.describe(state.received(Fixture.body("1"))) == "nothing")
        #expect(Fixture.describe(state.received(.end(nil))) == "decide")
        #expect(state.hasMoreThanHead)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) == .stay)
        #expect(Fixture.resume(&state) { _, _ in Issue.record("nothing is held") } == .read)
        #expect(Fixture.describe(state.received(Fixture.head("/next"))) == "begin /next")
        state.begin(.takeover, stopsDecoder: false)
        // The body was the earlier request's.
        #expect(!state.hasMoreThanHead)
    }

    @Test("A decoder is replaced behind a plain request, and a held-back read follows once")
    func replacementBehindPlainRequest() {
        var state = State()
        state.opened()
        _ = state.received(Fixture.head("/plain"))
        state.begin(.http, stopsDecoder: true)
        #expect(Fixture.describe(state.received(.end(nil))) == "pass end and replace")
        #expect(state.stopDecoder(for: .replacement, isWritten: true) == .nothing)
        #expect(state.readCompleted() == .remove)
        #expect(state.askToRead(isWritable: true) == false)
        #expect(state.decoderRemoved() == .replacement)
        #expect(Fixture.resume(&state) { _, _ in Issue.record("nothing is held") } == .read)
        #expect(state.releaseRead(isWritable: true) == true)
        #expect(state.releaseRead(isWritable: true) == false)
    }

    @Test("A connection ends when its decoder went on behind an accepted request")
    func decoderWentOnBehindUpgrade() {
        // In the same read.
        var state = Place.waitingForNone.state
        #expect(state.accepted() == .takeOver)
        #expect(state.stopDecoder(for: .takeover, isWritten: false) == .nothing)
        #expect(Fixture.describe(state.received(Fixture.head("/behind"))) == "nothing")
        #expect(state.written() == .nothing)
        #expect(state.readCompleted() == .close)

        // While a hook was asked.
        state = Place.deciding.state
        #expect(Fixture.describe(state.received(Fixture.head("/behind"))) == "nothing")
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
        #expect(Fixture.describe(state.received(Fixture.head("/behind"))) == "nothing")
        #expect(Fixture.describe(state.received(.end(nil))) == "nothing")
        #expect(state.readCompleted() == .resume)
        var log: [String] = []
        let action = Fixture.resume(&state) { state, action in
            log.append(Fixture.describe(action))
            if case .begin = action { state.begin(.http, stopsDecoder: false) }
        }
        #expect(log == ["begin /behind", "pass end"])
        #expect(action == .read)
    }
}
