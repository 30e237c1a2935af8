import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// Checks decisions about requests for a stream.
@Suite("What becomes a stream")
struct StreamDecisionTests {
    typealias Fixture = UpgradeDecisionFixture

    @Test("a stream has no handshake, and writes its own answer")
    func stream() throws {
        let rules = UpgradeDecision.Rules(
            origin: .sameHost, subprotocols: ["a"], compression: CompressionConfiguration(), hasHook: true)
        var decision = UpgradeDecision.begin(Fixture.stream("http://example.com"), rules).decision
        #expect(decision.subprotocol == nil)
        _ = decision.admitted(nil)
        let agreement = try #require(Fixture.agreement(decision.answered(.allow([.setCookie: "a=1"]))))
        #expect(agreement.handshake == nil)
        #expect(agreement.subprotocol == nil)
        #expect(agreement.compression == nil)
        #expect(agreement.response == nil)
        #expect(agreement.fields == [.setCookie: "a=1"])
    }

    @Test("a stream needs no HTTP/1.1")
    func streamOverHTTP10() {
        var candidate = Fixture.stream()
        candidate.isHTTP10 = true
        let (decision, action) = UpgradeDecision.begin(candidate, .init(hasHook: true))
        #expect(Fixture.refusal(action) == nil)
        #expect(Fixture.stage(of: decision) == .admitting)
    }

    @Test("a request for a stream that has a body, or a page that may not ask, is refused")
    func refusedStream() {
        var candidate = Fixture.stream()
        candidate.hasMore = true
        #expect(
            Fixture.refusal(UpgradeDecision.begin(candidate, .init(hasHook: true)).action)
                == Refusal(.badRequest, "a request for a stream must not have a body or anything after it"))
        #expect(
            Fixture.refusal(UpgradeDecision.begin(Fixture.stream("http://x.example"), .init(origin: .sameHost)).action)
                == Fixture.wrongOrigin("http://x.example"))
    }
}
