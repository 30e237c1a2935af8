import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// Checks the order of the checks that ``UpgradeDecision`` makes, and the origin.
@Suite("The order in which a request for a WebSocket is checked")
struct UpgradeCheckOrderTests {
    typealias Fixture = UpgradeDecisionFixture

    @Test("each check refuses in its own words", arguments: Fixture.Check.allCases)
    func check(_ check: Fixture.Check) {
        var candidate = Fixture.candidate()
        var rules = UpgradeDecision.Rules(hasHook: true)
        check.spoil(&candidate, &rules)
        let (decision, action) = UpgradeDecision.begin(candidate, rules)
        #expect(Fixture.refusal(action) == check.refusal)
        #expect(Fixture.stage(of: decision) == .over)
    }

    @Test("of two faults the first one counts", arguments: Fixture.Check.allCases, Fixture.Check.allCases)
    func order(_ first: Fixture.Check, _ second: Fixture.Check) {
        guard first.rawValue < second.rawValue else { return }
        var candidate = Fixture.candidate()
        var rules = UpgradeDecision.Rules(hasHook: true)
        first.spoil(&candidate, &rules)
        second.spoil(&candidate, &rules)
        #expect(Fixture.refusal(UpgradeDecision.begin(candidate, rules).action) == first.refusal)
        // It makes no difference which was broken first.
        candidate = Fixture.candidate()
        rules = UpgradeDecision.Rules(hasHook: true)
        second.spoil(&candidate, &rules)
        first.spoil(&candidate, &rules)
        #expect(Fixture.refusal(UpgradeDecision.begin(candidate, rules).action) == first.refusal)
    }

    @Test("the head is read only for an origin policy, and only after cheaper checks")
    func headIsAskedForLast() {
        var count = 0
        var candidate = Fixture.candidate()
        let request = Fixture.Transport.http1.request
        candidate.head = {
            count += 1
            return request
        }
        _ = UpgradeDecision.begin(candidate, .init())
        #expect(count == 0)
        _ = UpgradeDecision.begin(candidate, .init(isAllowed: false, origin: .sameHost))
        #expect(count == 0)
        for check in [Fixture.Check.handshake, .version, .more] {
            var spoilt = candidate
            var rules = UpgradeDecision.Rules(origin: .sameHost)
            check.spoil(&spoilt, &rules)
            _ = UpgradeDecision.begin(spoilt, rules)
            #expect(count == 0, "\(check)")
        }
        _ = UpgradeDecision.begin(candidate, .init(origin: .sameHost))
        #expect(count == 1)
    }

    struct OriginCase: CustomTestStringConvertible, Sendable {
        let policy: String
        let origins: [String]
        let isSecure: Bool
        let isAllowed: Bool

        init(_ policy: String, _ origins: [String], isSecure: Bool = false, _ isAllowed: Bool) {
            self.policy = policy
            self.origins = origins
            self.isSecure = isSecure
            self.isAllowed = isAllowed
        }

        var origin: OriginPolicy {
            switch self.policy {
            case "same host": .sameHost
            case "any": .any
            case "some": .allow(["https://page.example"])
            default: .custom { origin, _ in origin != nil }
            }
        }

        var testDescription: String { "\(self.policy): \(self.origins), \(self.isSecure)" }
    }

    @Test(
        "the origin is judged with the head, and with whether the client's connection is TLS",
        arguments: [
            OriginCase("same host", [], true),
            OriginCase("same host", ["http://example.com"], true),
            OriginCase("same host", ["https://example.com"], isSecure: true, true),
            OriginCase("same host", ["http://example.com"], isSecure: true, false),
            OriginCase("same host", ["http://other.example"], false),
            OriginCase("same host", ["null"], false),
            OriginCase("same host", ["http://example.com", "http://example.com"], false),
            OriginCase("any", ["http://other.example"], true),
            OriginCase("some", ["https://page.example"], true),
            OriginCase("some", ["https://example.com"], false),
            OriginCase("custom", [], false),
            OriginCase("custom", ["x"], true),
        ])
    func origins(_ test: OriginCase) {
        for isStream in [false, true] {
            var request = Fixture.Transport.http1.request
            request.headerFields[values: .origin] = test.origins
            let candidate = UpgradeDecision.Candidate(
                handshake: isStream ? nil : Fixture.Transport.http1.handshake(request), isSecure: test.isSecure,
                head: { [request] in request })
            let action = UpgradeDecision.begin(candidate, .init(origin: test.origin)).action
            #expect((Fixture.refusal(action) == nil) == test.isAllowed, "\(test.testDescription)")
            let named = test.origins.joined(separator: ", ")
            if !test.isAllowed { #expect(Fixture.refusal(action) == Fixture.wrongOrigin(named)) }
        }
    }

    @Test("the log is told which page it was, in visible ASCII and not at any length")
    func originForLog() {
        for (origin, expected) in [
            ("https://ä.example", "https://??.example"),
            (String(repeating: "a", count: 201), String(repeating: "a", count: 200)),
        ] {
            let candidate = Fixture.candidate { $0.headerFields[.origin] = origin }
            #expect(
                Fixture.refusal(UpgradeDecision.begin(candidate, .init(origin: .sameHost)).action)
                    == Fixture.wrongOrigin(expected))
        }
    }
}
