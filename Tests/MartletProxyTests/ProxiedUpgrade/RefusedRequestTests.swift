import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// Checks requests that ``ProxiedUpgrade`` refuses before an upstream server sees them.
@Suite("Requests for a WebSocket that the proxy refuses itself")
struct RefusedRequestTests {
    typealias Fixture = ProxiedUpgradeFixture

    struct BadRequest: CustomTestStringConvertible, Sendable {
        let name: String
        let change: @Sendable (inout Fixture.Setup) -> Void
        var hasMore = false
        let refusal: Refusal

        var testDescription: String { self.name }
    }

    /// - Parameter origin: as the log is told.
    private static func wrongOrigin(_ origin: String) -> Refusal {
        var refusal = Refusal(.forbidden, "pages of this origin may not connect here")
        refusal.detail = origin
        return refusal
    }

    static let badRequests: [BadRequest] = [
        .init(
            name: "another method", change: { $0.method = .POST },
            refusal: Refusal(.methodNotAllowed, "an opening handshake is a GET request", [.allow: "GET"])),
        .init(
            name: "an old version", change: { $0.headers.replaceOrAdd(name: "Sec-WebSocket-Version", value: "8") },
            refusal: Refusal(
                .init(code: 426), "Sec-WebSocket-Version must be 13",
                [.secWebSocketVersion: "13", .upgrade: "websocket"])),
        .init(
            name: "no key", change: { $0.headers.remove(name: "Sec-WebSocket-Key") },
            refusal: Refusal(.badRequest, "Sec-WebSocket-Key must be there once, the base64 form of 16 bytes")),
        .init(
            name: "HTTP/1.0", change: { $0.version = .http1_0 },
            refusal: Refusal(.badRequest, "a WebSocket needs HTTP/1.1 or later", mayStay: false)),
        .init(
            name: "something behind it", change: { _ in }, hasMore: true,
            refusal: Refusal(.badRequest, "an opening handshake must not have a body or anything after it")),
        .init(
            name: "a route without WebSockets", change: { $0.route.webSocket.isAllowed = false },
            refusal: Refusal(.forbidden, "WebSockets are not allowed here")),
        .init(
            name: "another page",
            change: {
                $0.route.webSocket.origin = .sameHost
                $0.headers.add(name: "Origin", value: "http://other.example")
            }, refusal: wrongOrigin("http://other.example")),
        .init(
            name: "only subprotocols that are not allowed",
            change: {
                $0.route.webSocket.subprotocols = ["chat"]
                $0.headers.add(name: "Sec-WebSocket-Protocol", value: "soap, mqtt")
            }, refusal: Refusal(.badRequest, "none of the offered subprotocols is allowed here")),
        .init(
            name: "no token", change: { $0.authenticate() },
            refusal: Refusal(.unauthorized, "a token is needed", [.wwwAuthenticate: "Bearer"])),
        .init(
            name: "credentials of another kind",
            change: {
                $0.authenticate()
                $0.headers.add(name: "Authorization", value: "Basic dXNlcjpwYXNz")
            }, refusal: Refusal(.unauthorized, "a token is needed", [.wwwAuthenticate: "Bearer"])),
    ]

    @Test("no upstream server sees a request that is wrong, and none is blamed for it", arguments: badRequests)
    func badRequest(_ test: BadRequest) throws {
        var upgrade = try Fixture.upgrade(test.change)
        guard case .fail(let refusal, let fault) = upgrade.arrived(hasMore: test.hasMore) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal == test.refusal)
        #expect(fault == nil)
        #expect(upgrade.phase == .over)
    }

    @Test("a token is not asked about when the request is wrong anyway")
    func cheapestFirst() throws {
        for test in Self.badRequests.prefix(7) {
            var upgrade = try Fixture.upgrade {
                test.change(&$0)
                Fixture.demandToken(&$0)
            }
            #expect(Fixture.refusal(upgrade.arrived(hasMore: test.hasMore)) == test.refusal, "\(test.name)")
        }
    }

    @Test("the host and TLS that a trusted proxy names apply to the origin check")
    func originBehindTrustedProxy() throws {
        func outcome(_ origin: String, _ change: (inout Fixture.Setup) -> Void = { _ in }) throws -> Fixture.Outcome {
            var upgrade = try Fixture.upgrade {
                $0.route.webSocket.origin = .sameHost
                $0.headers.add(name: "Origin", value: origin)
                change(&$0)
            }
            return Fixture.Outcome(upgrade.arrived(hasMore: false))
        }
        #expect(try outcome("http://example.com") == .connect)
        #expect(try outcome("http://public.example") == .fail(403, fault: nil))
        #expect(try outcome("http://public.example") { $0.identity.authority = "public.example" } == .connect)
        #expect(
            try outcome("http://example.com") { $0.identity.authority = "public.example" } == .fail(403, fault: nil))
        #expect(try outcome("http://example.com") { $0.identity.isClientSecure = true } == .fail(403, fault: nil))
        #expect(try outcome("https://example.com") { $0.identity.isClientSecure = true } == .connect)
    }

    @Test("a client whose token is refused learns why")
    func failedAuthentication() throws {
        let invalid = Refusal(
            .unauthorized, "the token is not valid", [.wwwAuthenticate: "Bearer error=\"invalid_token\""])
        let unavailable = Refusal(
            .serviceUnavailable, "tokens cannot be checked at the moment", [.retryAfter: "5"])
        for (event, expected) in [
            (Fixture.Event.invalid, invalid), (.unusableUser, invalid), (.unavailable, unavailable),
        ] {
            var upgrade = try Fixture.upgrade(in: .authenticating)
            #expect(Fixture.refusal(event.happen(to: &upgrade)) == expected, "\(event)")
            #expect(upgrade.user == nil)
        }
    }

    @Test("without a header for it, any name of a user will do")
    func anyUser() throws {
        var upgrade = try Fixture.upgrade {
            Fixture.demandToken(&$0)
            $0.route.webSocket.authenticate?.userHeader = nil
        }
        _ = upgrade.arrived(hasMore: false)
        #expect(Fixture.Outcome(Fixture.Event.unusableUser.happen(to: &upgrade)) == .connect)
        #expect(upgrade.user == "eve\r\nX-Admin: 1")
    }
}
