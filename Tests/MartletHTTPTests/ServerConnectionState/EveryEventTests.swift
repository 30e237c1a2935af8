import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Checks every event in every state of a connection against ``EventTable``.
@Suite("Every event in every state of a server's connection")
struct EveryEventTests {
    typealias Fixture = ServerConnectionStateFixture
    typealias State = ServerConnectionState

    /// - Parameter event: an event for which each place has exactly one cell in ``EventTable/expectations(of:)``.
    @Test("An event does at each place what the table says", arguments: Event.allCases)
    func cell(_ event: Event) {
        var expected: [Place: String] = [:]
        for cells in EventTable.expectations(of: event) {
            for place in cells.places {
                #expect(expected.updateValue(cells.effect, forKey: place) == nil, "two cells for \(event), \(place)")
            }
        }
        for place in Place.allCases {
            guard let effect = expected[place] else {
                Issue.record("no cell for \(event), \(place): \(event.effect(at: place))")
                continue
            }
            #expect(event.effect(at: place) == effect, "\(event), \(place)")
        }
    }

    @Test("A place is in the phase that its name says", arguments: Place.allCases)
    func place(_ place: Place) {
        let state = place.state
        let (phase, isInRead) = place.description
        #expect(Fixture.describe(state.phase) == phase)
        #expect(state.isReading == isInRead)
    }

    @Test("There is a place for each phase, reason and number")
    func allPhases() {
        let phases = Set(Place.allCases.map { Fixture.describe($0.state.phase) })
        let expected = [
            "ready", "passing", "passing, stops", "postponed", "collecting", "answering 2", "receiving", "waiting",
            "deciding 2",
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
