import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// Checks every event in every state of ``UpgradeDecision``.
@Suite("Every event in every state of an upgrade decision")
struct UpgradeStageTests {
    typealias Fixture = UpgradeDecisionFixture

    enum Event: CaseIterable {
        case admitted, full, closed, tooMany
        case allow, refuse, refuseForGood, proceed, proceedElsewhere
        case timedOut

        func happen(to decision: inout UpgradeDecision) -> UpgradeDecision.Action {
            switch self {
            case .admitted: decision.admitted(nil)
            case .full: decision.admitted(ConnectionLimiter.Refusal.full.answer())
            case .closed: decision.admitted(ConnectionLimiter.Refusal.closed.answer())
            case .tooMany:
                decision.admitted(ConnectionLimiter.Refusal.tooMany(reason: "too many", retryAfter: 7).answer())
            case .allow: decision.answered(.allow([.setCookie: "a=1"]))
            case .refuse:
                decision.answered(.refuse(Refusal(.unauthorized, "who are you?", [.wwwAuthenticate: "Bearer"])))
            case .refuseForGood: decision.answered(.refuse(Refusal(.forbidden, "never", mayStay: false)))
            case .proceed: decision.answered(.proceed(.init(), [.setCookie: "b=2"]))
            case .proceedElsewhere: decision.answered(.proceed(.init(origin: .custom { _, _ in false }), [:]))
            case .timedOut: decision.timedOut()
            }
        }
    }

    enum Outcome: Hashable {
        case ask
        /// The request is accepted with this number of further headers.
        case accept(Int)
        case refuse(Int, String, mayStay: Bool)

        init?(_ action: UpgradeDecision.Action) {
            switch action {
            case .admit: return nil
            case .ask: self = .ask
            case .accept(let agreement): self = .accept(agreement.fields.count)
            case .refuse(let refusal):
                self = .refuse(refusal.status.code, refusal.reason, mayStay: refusal.mayStay)
            }
        }
    }

    private typealias Cell = (outcome: Outcome, next: Fixture.Stage)
    private static let late = Outcome.refuse(503, "the decision came too late", mayStay: true)
    private static let tookTooLong = Outcome.refuse(503, "the authorization took too long", mayStay: true)

    /// The effect of each event on a decision that is admitting, asking, and over.
    private static let table: [Event: [Cell]] = [
        .admitted: [(.ask, .asking), (late, .asking), (late, .over)],
        .full: [
            (.refuse(503, "too many connections", mayStay: false), .over), (late, .asking), (late, .over),
        ],
        .closed: [
            (.refuse(503, "the server is shutting down", mayStay: false), .over), (late, .asking), (late, .over),
        ],
        .tooMany: [(.refuse(429, "too many", mayStay: true), .over), (late, .asking), (late, .over)],
        .allow: [(late, .admitting), (.accept(1), .over), (late, .over)],
        .refuse: [(late, .admitting), (.refuse(401, "who are you?", mayStay: true), .over), (late, .over)],
        .refuseForGood: [(late, .admitting), (.refuse(403, "never", mayStay: false), .over), (late, .over)],
        .proceed: [(late, .admitting), (.accept(1), .over), (late, .over)],
        .proceedElsewhere: [
            (late, .admitting), (.refuse(403, "pages of this origin may not connect here", mayStay: true), .over),
            (late, .over),
        ],
        .timedOut: [(late, .admitting), (tookTooLong, .over), (late, .over)],
    ]

    @Test("every event in every state does what the table says", arguments: Event.allCases)
    func everyCell(_ event: Event) throws {
        let row = try #require(Self.table[event], "\(event)")
        try #require(row.count == Fixture.Stage.allCases.count, "\(event)")
        let candidates = Fixture.Transport.allCases.map { Fixture.candidate($0) } + [Fixture.stream()]
        for (stage, cell) in zip(Fixture.Stage.allCases, row) {
            for candidate in candidates {
                var decision = Fixture.decision(stage, candidate)
                #expect(Fixture.stage(of: decision) == stage)
                #expect(Outcome(event.happen(to: &decision)) == cell.outcome, "\(event) while \(stage)")
                #expect(Fixture.stage(of: decision) == cell.next, "\(event) while \(stage)")
            }
        }
    }

    enum End: CaseIterable {
        case refusedAtOnce, notAdmitted, admittedWithoutHook, accepted, refused, proceeded, refusedElsewhere, timedOut

        var decision: UpgradeDecision {
            var rules = UpgradeDecision.Rules(hasHook: true)
            if self == .refusedAtOnce { rules.isAllowed = false }
            if self == .admittedWithoutHook { rules.hasHook = false }
            var decision = UpgradeDecision.begin(Fixture.candidate(), rules).decision
            if self == .refusedAtOnce { return decision }
            if self == .notAdmitted {
                _ = Event.full.happen(to: &decision)
                return decision
            }
            _ = decision.admitted(nil)
            switch self {
            case .accepted: _ = Event.allow.happen(to: &decision)
            case .refused: _ = Event.refuse.happen(to: &decision)
            case .proceeded: _ = Event.proceed.happen(to: &decision)
            case .refusedElsewhere: _ = Event.proceedElsewhere.happen(to: &decision)
            case .timedOut: _ = Event.timedOut.happen(to: &decision)
            case .refusedAtOnce, .notAdmitted, .admittedWithoutHook: break
            }
            return decision
        }
    }

    @Test("whatever ended a decision, nothing that comes late lets anybody in", arguments: End.allCases, Event.allCases)
    func late(_ end: End, _ event: Event) {
        var decision = end.decision
        #expect(Fixture.stage(of: decision) == .over)
        let subprotocol = decision.subprotocol
        for _ in 0..<2 {
            #expect(
                Fixture.refusal(event.happen(to: &decision))?.status == .serviceUnavailable, "\(event) behind \(end)")
            #expect(Fixture.stage(of: decision) == .over)
        }
        #expect(decision.subprotocol == subprotocol)
    }

    @Test("without a hook, an admitted request is accepted", arguments: Fixture.Transport.allCases)
    func withoutHook(_ transport: Fixture.Transport) throws {
        let agreement = try Fixture.agree(Fixture.candidate(transport))
        #expect(agreement.fields.isEmpty)
        #expect(agreement.handshake != nil)
    }

    @Test(
        "what the limiter answers is passed on as it is",
        arguments: [
            ConnectionLimiter.Refusal.full, .closed,
            .tooMany(reason: "too many connections from 192.0.2.1", retryAfter: 3),
        ])
    func limiter(_ refusal: ConnectionLimiter.Refusal) throws {
        let answer = refusal.answer([.accessControlAllowOrigin: "*"])
        for hasHook in [false, true] {
            var decision = UpgradeDecision.begin(Fixture.candidate(), .init(hasHook: hasHook)).decision
            #expect(Fixture.refusal(decision.admitted(answer)) == answer)
        }
        #expect(answer.fields[.accessControlAllowOrigin] == "*")
        let seconds = try #require(answer.fields[.retryAfter].flatMap(Int.init))
        switch refusal {
        case .full:
            #expect(answer.status == .serviceUnavailable && seconds == 5 && !answer.mayStay)
        case .closed:
            #expect(answer.status == .serviceUnavailable && (1...3).contains(seconds) && !answer.mayStay)
        case .tooMany(let reason, let retryAfter):
            #expect(answer.status == .tooManyRequests && seconds == retryAfter && answer.reason == reason)
            #expect(answer.mayStay)
        }
    }

    @Test("a hook that takes too long leads to 503 with Retry-After")
    func timedOut() {
        var decision = Fixture.decision(.asking, Fixture.candidate())
        #expect(
            Fixture.refusal(decision.timedOut())
                == Refusal(.serviceUnavailable, "the authorization took too long", [.retryAfter: "5"]))
    }
}
