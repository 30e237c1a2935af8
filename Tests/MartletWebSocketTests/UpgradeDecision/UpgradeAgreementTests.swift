import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// Checks the agreements with clients that are let in.
@Suite("What is agreed on with a client")
struct UpgradeAgreementTests {
    typealias Fixture = UpgradeDecisionFixture

    @Test("over HTTP/1.1 the answer is a 101 with the key's answer and the hook's headers")
    func switchingProtocols() throws {
        var decision = Fixture.decision(.asking, Fixture.candidate())
        let agreement = try #require(Fixture.agreement(decision.answered(.allow([.setCookie: "a=1"]))))
        #expect(
            agreement.response
                == HTTPResponse(
                    status: .switchingProtocols,
                    headerFields: [
                        .upgrade: "websocket", .connection: "Upgrade",
                        .secWebSocketAccept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", .setCookie: "a=1",
                    ]))
    }

    @Test("over HTTP/2 the answer is a 200 without the headers of an HTTP/1.1 connection")
    func ok() throws {
        var decision = Fixture.decision(.asking, Fixture.candidate(.http2))
        let agreement = try #require(Fixture.agreement(decision.answered(.allow([.setCookie: "a=1"]))))
        #expect(agreement.response == HTTPResponse(status: .ok, headerFields: [.setCookie: "a=1"]))
    }

    @Test(
        "the server's preference decides about the subprotocol",
        arguments: [
            ([], nil, nil), (["a"], nil, nil), ([], "a", nil), (["a"], "b", nil), (["a"], "A", nil),
            (["a"], "a", "a"), (["a", "b"], "b, a", "a"), (["c", "b"], "a, b, c", "c"), (["x", "b"], "a, b", "b"),
        ] as [([String], String?, String?)])
    func subprotocol(_ supported: [String], _ offered: String?, _ expected: String?) throws {
        for transport in Fixture.Transport.allCases {
            let candidate = Fixture.candidate(transport) { $0.headerFields[.secWebSocketProtocol] = offered }
            let rules = UpgradeDecision.Rules(subprotocols: supported, hasHook: true)
            var decision = UpgradeDecision.begin(candidate, rules).decision
            #expect(decision.subprotocol == expected)
            _ = decision.admitted(nil)
            #expect(decision.subprotocol == expected)
            let agreement = try #require(Fixture.agreement(decision.answered(.allow([:]))))
            #expect(agreement.subprotocol == expected)
            #expect(agreement.response?.headerFields[.secWebSocketProtocol] == expected)
        }
    }

    @Test(
        "compression is agreed on when both want it",
        arguments: [
            (false, nil, nil), (true, nil, nil), (false, "permessage-deflate", nil), (true, "x-other", nil),
            (true, "permessage-deflate; server_max_window_bits=99", nil),
            (
                true, "permessage-deflate",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            ),
            (
                true, "x-other, permessage-deflate; server_max_window_bits=10",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
            ),
        ] as [(Bool, String?, String?)])
    func compression(_ isWanted: Bool, _ offer: String?, _ answer: String?) throws {
        for transport in Fixture.Transport.allCases {
            let agreement = try Fixture.agree(
                Fixture.candidate(transport) { $0.headerFields[.secWebSocketExtensions] = offer },
                .init(compression: isWanted ? CompressionConfiguration() : nil))
            #expect(agreement.response?.headerFields[.secWebSocketExtensions] == answer)
            #expect((agreement.compression != nil) == (answer != nil))
            #expect(agreement.compression?.serverNoContextTakeover ?? true)
        }
    }

    @Test("an endpoint that the hook has chosen brings its own rules", arguments: Fixture.Transport.allCases)
    func proceed(_ transport: Fixture.Transport) throws {
        let candidate = Fixture.candidate(transport) {
            $0.headerFields[.secWebSocketProtocol] = "a, b"
            $0.headerFields[.secWebSocketExtensions] = "permessage-deflate"
        }
        let rules = UpgradeDecision.Rules(subprotocols: ["a"], hasHook: true)
        let others = UpgradeDecision.Rules(
            origin: .sameHost, subprotocols: ["b", "a"], compression: CompressionConfiguration(), hasHook: true)
        var decision = UpgradeDecision.begin(candidate, rules).decision
        _ = decision.admitted(nil)
        #expect(decision.subprotocol == "a")
        // Its own hook is not asked as well.
        let agreement = try #require(Fixture.agreement(decision.answered(.proceed(others, [.setCookie: "a=1"]))))
        #expect(agreement.subprotocol == "b")
        #expect(agreement.compression != nil)
        let fields = try #require(agreement.response?.headerFields)
        #expect(fields[.secWebSocketProtocol] == "b")
        #expect(fields[.secWebSocketExtensions] != nil)
        #expect(fields[.setCookie] == "a=1")
    }

    @Test("the origin is judged again by the rules of the endpoint that the hook has chosen")
    func proceedWithOtherOrigin() {
        let page = Fixture.candidate { $0.headerFields[.origin] = "https://page.example" }
        let others = UpgradeDecision.Rules(origin: .allow(["https://other.example"]))
        var decision = UpgradeDecision.begin(page, .init(origin: .any, hasHook: true)).decision
        _ = decision.admitted(nil)
        #expect(
            Fixture.refusal(decision.answered(.proceed(others, [.setCookie: "a=1"])))
                == Fixture.wrongOrigin("https://page.example"))

        var unreadable = Fixture.candidate()
        unreadable.head = { nil }
        decision = UpgradeDecision.begin(unreadable, .init(hasHook: true)).decision
        _ = decision.admitted(nil)
        #expect(Fixture.refusal(decision.answered(.proceed(others, [:]))) == Fixture.Check.head.refusal)
    }
}
