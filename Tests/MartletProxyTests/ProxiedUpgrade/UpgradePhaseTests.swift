import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// Checks every event in every phase of ``ProxiedUpgrade``.
@Suite("Every event in every phase of a proxied upgrade")
struct UpgradePhaseTests {
    typealias Fixture = ProxiedUpgradeFixture

    private static let phases: [ProxiedUpgrade.Phase] = [
        .arriving, .authenticating, .connecting, .answering, .refusing, .open, .over,
    ]

    private struct Cell {
        let outcome: Fixture.Outcome
        /// The next phase; `nil` if the phase stays the same.
        let next: ProxiedUpgrade.Phase?

        init(_ outcome: Fixture.Outcome, _ next: ProxiedUpgrade.Phase?) {
            self.outcome = outcome
            self.next = next
        }

        static func fail(_ status: Int, _ fault: String? = nil) -> Self { Self(.fail(status, fault: fault), .over) }
        static func pass(_ status: UInt) -> Self { Self(.passRefusal(status), .refusing) }
        static func breakOff(_ reason: String) -> Self { Self(.breakOff(reason), .over) }
    }

    /// The event is ignored: nothing is done, and nothing changes.
    private static let no = Cell(.nothing, nil)
    private static let leave = Cell(.nothing, .over)
    private static let wrong = Cell.fail(502, "wrong handshake")

    /// The effect of each event in each of ``phases``, for a request that needs a token.
    private static let table: [Fixture.Event: [Cell]] = [
        .arrived: [Cell(.authenticate("t0ken"), .authenticating), no, no, no, no, no, no],
        .arrivedWithMore: [.fail(400), no, no, no, no, no, no],
        .user: [no, Cell(.connect, .connecting), no, no, no, no, no],
        .unusableUser: [no, .fail(401), no, no, no, no, no],
        .invalid: [no, .fail(401), no, no, no, no, no],
        .unavailable: [no, .fail(503), no, no, no, no, no],
        .connected: [no, no, Cell(.send, nil), no, no, no, no],
        .sent: [no, no, Cell(.nothing, .answering), no, no, no, no],
        .switching: [no, no, no, Cell(.open, .open), no, no, no],
        .wrongUpgrade: [no, no, no, wrong, no, no, no],
        .wrongConnection: [no, no, no, wrong, no, no, no],
        .wrongAccept: [no, no, no, wrong, no, no, no],
        .wrongSubprotocol: [no, no, no, wrong, no, no, no],
        .wrongExtension: [no, no, no, wrong, no, no, no],
        .body: [no, no, no, wrong, no, no, no],
        .continue: [no, no, no, no, no, no, no],
        .earlyHints: [no, no, no, no, no, no, no],
        .ok: [no, no, no, .pass(200), no, no, no],
        .unauthorized: [no, no, no, .pass(401), no, no, no],
        .upgradeRequired: [no, no, no, .pass(426), no, no, no],
        .noContent: [no, no, no, .pass(204), no, no, no],
        .notModified: [no, no, no, .pass(304), no, no, no],
        .refusalEnded: [no, no, no, no, leave, no, no],
        .closed: [
            no, no, .fail(502, "connection closed"), .fail(502, "connection closed"),
            .breakOff("the upstream broke off its answer"), no, no,
        ],
        .malformed: [
            no, no, .fail(502, "malformed answer"), .fail(502, "malformed answer"),
            .breakOff("the upstream broke off its answer"), no, no,
        ],
        .timedOut: [
            no, .fail(503, nil), .fail(504, "response timeout"), .fail(504, "response timeout"),
            .breakOff("the answer stalled"), no, no,
        ],
        .abandoned: [leave, leave, leave, leave, leave, no, no],
    ]

    @Test("every event in every phase does what the table says", arguments: Fixture.Event.allCases)
    func everyCell(_ event: Fixture.Event) throws {
        let row = try #require(Self.table[event], "\(event)")
        try #require(row.count == Self.phases.count, "\(event)")
        for (phase, cell) in zip(Self.phases, row) {
            var upgrade = try Fixture.upgrade(in: phase)
            #expect(Fixture.Outcome(event.happen(to: &upgrade)) == cell.outcome, "\(event) while \(phase)")
            #expect(upgrade.phase == cell.next ?? phase, "\(event) while \(phase)")
        }
    }

    /// The ways in which an upgrade ends.
    private static let ends: [[Fixture.Event]] = [
        [.arrivedWithMore], [.abandoned], [.arrived, .invalid], [.arrived, .unavailable], [.arrived, .unusableUser],
        [.arrived, .abandoned], [.arrived, .user, .closed], [.arrived, .user, .timedOut],
        [.arrived, .user, .abandoned],
        [.arrived, .user, .connected, .closed], [.arrived, .user, .connected, .sent, .wrongAccept],
        [.arrived, .user, .connected, .sent, .malformed], [.arrived, .user, .connected, .sent, .timedOut],
        [.arrived, .user, .connected, .sent, .abandoned], [.arrived, .user, .connected, .sent, .ok, .refusalEnded],
        [.arrived, .user, .connected, .sent, .ok, .closed], [.arrived, .user, .connected, .sent, .ok, .timedOut],
        [.arrived, .user, .connected, .sent, .ok, .abandoned],
    ]

    @Test(
        "once it is over, nothing is done any more, and no failure is recorded twice",
        arguments: Fixture.Event.allCases)
    func over(_ event: Fixture.Event) throws {
        for events in Self.ends {
            var upgrade = try Fixture.upgrade(Fixture.demandToken)
            for event in events { _ = event.happen(to: &upgrade) }
            try #require(upgrade.phase == .over, "\(events)")
            #expect(Fixture.Outcome(event.happen(to: &upgrade)) == .nothing, "\(event) behind \(events)")
            #expect(upgrade.phase == .over, "\(event) behind \(events)")
        }
    }

    @Test("interim answers change nothing, however many there are", arguments: [Fixture.Event.switching, .ok, .closed])
    func interim(_ last: Fixture.Event) throws {
        var upgrade = try Fixture.sent().upgrade
        var other = upgrade
        for event in [Fixture.Event.continue, .earlyHints, .earlyHints] { _ = event.happen(to: &other) }
        #expect(Fixture.Outcome(last.happen(to: &other)) == Fixture.Outcome(last.happen(to: &upgrade)))
        #expect(other.phase == upgrade.phase)
    }

    @Test("the next upstream server gets the request, too, under its own name")
    func nextServer() throws {
        var upgrade = try Fixture.upgrade { $0.route.host = .upstream }
        guard case .connect = upgrade.arrived(hasMore: false) else {
            Issue.record("not connecting")
            return
        }
        for authority in ["127.0.0.1:9000", "127.0.0.1:9001"] {
            guard case .send(let head) = upgrade.connected(authority: authority) else {
                Issue.record("nothing is sent to \(authority)")
                return
            }
            #expect(head.headers["host"] == [authority])
        }
        upgrade.sent()
        #expect(upgrade.phase == .answering)
    }
}
