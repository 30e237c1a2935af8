import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// Checks answers other than 101, and none at all.
@Suite("The upstream server refuses an opening handshake, or does not answer it")
struct UpstreamRefusalTests {
    typealias Fixture = ProxiedUpgradeFixture

    private static func answer(_ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:]) -> HTTPResponseHead {
        HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }

    struct RefusalCase: CustomTestStringConvertible, Sendable {
        let status: HTTPResponseStatus
        let fields: [(String, String)]
        /// Headers for the client that frame the body, or are added by the proxy.
        let expected: [(String, String)]

        init(_ status: HTTPResponseStatus, _ fields: [(String, String)], _ expected: [(String, String)]) {
            self.status = status
            self.fields = fields
            self.expected = expected
        }

        var testDescription: String { "\(self.status.code) \(self.fields)" }
    }

    @Test(
        "an answer that says no is passed on, with a frame for its body where it may have one",
        arguments: [
            RefusalCase(.ok, [], [("Transfer-Encoding", "chunked")]),
            RefusalCase(.ok, [("Content-Length", "5")], [("Content-Length", "5")]),
            RefusalCase(.ok, [("Transfer-Encoding", "chunked")], [("Transfer-Encoding", "chunked")]),
            RefusalCase(.ok, [("Connection", "close"), ("Keep-Alive", "x")], [("Transfer-Encoding", "chunked")]),
            RefusalCase(
                .unauthorized, [("WWW-Authenticate", "Bearer"), ("Content-Length", "0")],
                [("WWW-Authenticate", "Bearer"), ("Content-Length", "0")]),
            RefusalCase(.noContent, [], []),
            RefusalCase(.notModified, [("ETag", "\"x\"")], [("ETag", "\"x\"")]),
            RefusalCase(.notModified, [("Content-Length", "9")], [("Content-Length", "9")]),
            RefusalCase(
                .upgradeRequired, [("Upgrade", "foo/1"), ("Sec-WebSocket-Version", "13"), ("Content-Length", "0")],
                [("Sec-WebSocket-Version", "13"), ("Content-Length", "0"), ("Upgrade", "websocket")]),
            RefusalCase(.seeOther, [("Location", "/x")], [("Location", "/x"), ("Transfer-Encoding", "chunked")]),
        ])
    func passedRefusal(_ test: RefusalCase) throws {
        var upgrade = try Fixture.sent().upgrade
        guard case .passRefusal(let head) = upgrade.answered(Self.answer(test.status, HTTPHeaders(test.fields))) else {
            Issue.record("not passed on")
            return
        }
        #expect(head.status == test.status)
        #expect(head.version == .http1_1)
        #expect(head.headers.map { "\($0.name): \($0.value)" } == test.expected.map { "\($0.0): \($0.1)" })
    }

    @Test("an upstream server of HTTP/1.0 that says no is passed on as HTTP/1.1, by the route's rules")
    func oldRefusal() throws {
        var upgrade = try Fixture.sent { $0.route.responseHeaders.remove = ["Server"] }.upgrade
        let old = HTTPResponseHead(version: .http1_0, status: .notFound, headers: ["Server": "app"])
        guard case .passRefusal(let head) = upgrade.answered(old) else {
            Issue.record("not passed on")
            return
        }
        #expect(head.version == .http1_1)
        #expect(!head.headers.contains(name: "server"))
    }

    @Test(
        "a server that does not answer is named by its upstream alone",
        arguments: [
            (Fixture.Event.closed, 502, "the upstream app ended the connection without an answer"),
            (.malformed, 502, "the answer of the upstream app is not valid HTTP"),
            (.timedOut, 504, "the upstream app did not answer the opening handshake in time"),
        ])
    func noAnswer(_ event: Fixture.Event, _ status: Int, _ reason: String) throws {
        for phase in [ProxiedUpgrade.Phase.connecting, .answering] {
            var upgrade = try Fixture.upgrade(in: phase)
            #expect(Fixture.refusal(event.happen(to: &upgrade)) == Refusal(.init(code: status), reason))
        }
    }
}
