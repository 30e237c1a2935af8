import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Checks when the timer of a connection runs.
@Suite("The timer of a server's connection")
struct ConnectionTimerTests {
    typealias Fixture = ServerConnectionStateFixture
    typealias State = ServerConnectionState

    @Test("A timer that has fired runs no more")
    func firedTimer() {
        var state = Place.decidingHTTP.state
        #expect(state.timerFired() == .refuseDecision)
        #expect(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) == .stay)
        #expect(state.takeTimerChange() == nil)
        _ = state.received(Fixture.head("/next"))
        state.begin(.takeover, stopsDecoder: false)
        #expect(state.takeTimerChange() == .startHandshake)
    }

    @Test("The timer runs while a request for the connection is awaited, and while a hook is asked")
    func timer() {
        var state = State()
        state.opened()
        #expect(state.takeTimerChange() == .startHandshake)
        #expect(state.takeTimerChange() == nil)
        _ = state.received(Fixture.head("/"))
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
