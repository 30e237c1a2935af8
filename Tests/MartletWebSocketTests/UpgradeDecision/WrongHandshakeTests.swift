import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// Checks opening handshakes that ``UpgradeDecision`` refuses at once.
@Suite("Opening handshakes that are wrong")
struct WrongHandshakeTests {
    typealias Fixture = UpgradeDecisionFixture

    struct BadHandshake: CustomTestStringConvertible, Sendable {
        let name: String
        let transport: Fixture.Transport
        let change: @Sendable (inout HTTPRequest) -> Void
        let status: Int
        let reason: String
        var fields: HTTPFields = [:]

        var testDescription: String { "\(self.name), \(self.transport)" }
    }

    private static let badVersion = "Sec-WebSocket-Version must be 13"
    private static let badKey = "Sec-WebSocket-Key must be there once, the base64 form of 16 bytes"
    private static let lacksPseudoHeader = "the opening handshake lacks :scheme, :authority or :path"

    static let badHandshakes: [BadHandshake] =
        [
            .init(
                name: "another method", transport: .http1, change: { $0.method = .post }, status: 405,
                reason: "an opening handshake is a GET request", fields: [.allow: "GET"]),
            .init(
                name: "no Upgrade", transport: .http1, change: { $0.headerFields[.upgrade] = nil }, status: 400,
                reason: "this is a WebSocket endpoint: the header Upgrade must contain websocket"),
            .init(
                name: "another Upgrade", transport: .http1, change: { $0.headerFields[.upgrade] = "h2c" }, status: 400,
                reason: "this is a WebSocket endpoint: the header Upgrade must contain websocket"),
            .init(
                name: "no Connection", transport: .http1, change: { $0.headerFields[.connection] = nil }, status: 400,
                reason: "the header Connection must contain Upgrade"),
            .init(
                name: "another Connection", transport: .http1, change: { $0.headerFields[.connection] = "close" },
                status: 400, reason: "the header Connection must contain Upgrade"),
            .init(
                name: "no host", transport: .http1, change: { $0.authority = nil }, status: 400,
                reason: "the header Host is missing"),
            .init(
                name: "an empty host", transport: .http1, change: { $0.authority = "" }, status: 400,
                reason: "the header Host is missing"),
            .init(
                name: "no key", transport: .http1, change: { $0.headerFields[.secWebSocketKey] = nil }, status: 400,
                reason: badKey),
            .init(
                name: "a short key", transport: .http1, change: { $0.headerFields[.secWebSocketKey] = "dGhlIHM=" },
                status: 400, reason: badKey),
            .init(
                name: "two keys", transport: .http1,
                change: { $0.headerFields.append(.init(name: .secWebSocketKey, value: "dGhlIHNhbXBsZSBub25jZQ==")) },
                status: 400, reason: badKey),
            .init(
                name: "no :protocol", transport: .http2, change: { $0.extendedConnectProtocol = nil }, status: 400,
                reason: "an opening handshake over HTTP/2 is a CONNECT with :protocol websocket"),
            .init(
                name: "another :protocol", transport: .http2, change: { $0.extendedConnectProtocol = "connect-udp" },
                status: 400, reason: "an opening handshake over HTTP/2 is a CONNECT with :protocol websocket"),
            .init(
                name: "another method", transport: .http2, change: { $0.method = .get }, status: 400,
                reason: "an opening handshake over HTTP/2 is a CONNECT with :protocol websocket"),
            .init(
                name: "no :scheme", transport: .http2, change: { $0.scheme = nil }, status: 400,
                reason: lacksPseudoHeader),
            .init(
                name: "no :authority", transport: .http2, change: { $0.authority = nil }, status: 400,
                reason: lacksPseudoHeader),
            .init(
                name: "no :path", transport: .http2, change: { $0.path = nil }, status: 400, reason: lacksPseudoHeader),
        ]
        + Fixture.Transport.allCases.flatMap { transport -> [BadHandshake] in
            [
                .init(
                    name: "no version", transport: transport, change: { $0.headerFields[.secWebSocketVersion] = nil },
                    status: 400, reason: badVersion, fields: [.secWebSocketVersion: "13"]),
                .init(
                    name: "an old version", transport: transport,
                    change: { $0.headerFields[.secWebSocketVersion] = "8" }, status: 426, reason: badVersion,
                    fields: [.secWebSocketVersion: "13", .upgrade: "websocket"]),
                .init(
                    name: "two versions", transport: transport,
                    change: { $0.headerFields.append(.init(name: .secWebSocketVersion, value: "13")) }, status: 426,
                    reason: badVersion, fields: [.secWebSocketVersion: "13", .upgrade: "websocket"]),
                .init(
                    name: "subprotocols that are no tokens", transport: transport,
                    change: { $0.headerFields[.secWebSocketProtocol] = "a b" }, status: 400,
                    reason: "Sec-WebSocket-Protocol is not a list of tokens"),
                .init(
                    name: "a subprotocol twice", transport: transport,
                    change: { $0.headerFields[.secWebSocketProtocol] = "a, b, a" }, status: 400,
                    reason: "Sec-WebSocket-Protocol names a subprotocol twice"),
                .init(
                    name: "malformed extensions", transport: transport,
                    change: { $0.headerFields[.secWebSocketExtensions] = "permessage-deflate; =" }, status: 400,
                    reason: "Sec-WebSocket-Extensions is malformed"),
            ]
        }

    @Test("a handshake that is wrong is refused before anybody is asked", arguments: badHandshakes)
    func badHandshake(_ test: BadHandshake) {
        var (decision, action) = UpgradeDecision.begin(
            Fixture.candidate(test.transport, test.change), .init(hasHook: true))
        #expect(
            Fixture.refusal(action) == Refusal(.init(code: test.status), test.reason, test.fields),
            "\(test.testDescription)")
        #expect(decision.subprotocol == nil)
        #expect(Fixture.stage(of: decision) == .over)
        #expect(Fixture.agreement(decision.admitted(nil)) == nil)
    }

    @Test("a flawless request goes on to the limiter", arguments: Fixture.Transport.allCases)
    func flawless(_ transport: Fixture.Transport) {
        let (decision, action) = UpgradeDecision.begin(Fixture.candidate(transport), .init(hasHook: true))
        guard case .admit = action else {
            Issue.record("\(action)")
            return
        }
        #expect(Fixture.stage(of: decision) == .admitting)
    }
}
