import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// The tests of ``UpgradeDecision``: every state and every event, and the agreements.
@Suite("What becomes a WebSocket or a stream")
struct UpgradeDecisionTests {
    // MARK: Requests

    enum Transport: CaseIterable {
        /// `GET` over HTTP/1.1.
        case http1
        /// An extended CONNECT over HTTP/2.
        case http2

        var request: HTTPRequest {
            switch self {
            case .http1:
                return HTTPRequest(
                    method: .get, scheme: "http", authority: "example.com", path: "/ws",
                    headerFields: [
                        .upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13",
                        .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
                    ])
            case .http2:
                var request = HTTPRequest(
                    method: .connect, scheme: "https", authority: "example.com", path: "/ws",
                    headerFields: [.secWebSocketVersion: "13"])
                request.extendedConnectProtocol = "websocket"
                return request
            }
        }

        func handshake(_ request: HTTPRequest) -> Result<ServerHandshake, HandshakeFailure> {
            Result { () throws(HandshakeFailure) in
                switch self {
                case .http1: try ServerHandshake(request: request)
                case .http2: try ServerHandshake(extendedConnect: request)
                }
            }
        }
    }

    private static func candidate(
        _ transport: Transport = .http1, _ change: (inout HTTPRequest) -> Void = { _ in }
    ) -> UpgradeDecision.Candidate {
        var request = transport.request
        change(&request)
        return .init(
            handshake: transport.handshake(request), isSecure: transport == .http2, head: { [request] in request })
    }

    /// A request for a stream.
    private static func stream(_ origin: String? = nil) -> UpgradeDecision.Candidate {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "example.com", path: "/sse")
        request.headerFields[.origin] = origin
        return .init(handshake: nil, isSecure: false, head: { [request] in request })
    }

    /// - Parameter origin: the origin as it is logged.
    private static func wrongOrigin(_ origin: String) -> Refusal {
        var refusal = Refusal(.forbidden, "pages of this origin may not connect here")
        refusal.detail = origin
        return refusal
    }

    private static func refusal(_ action: UpgradeDecision.Action) -> Refusal? {
        if case .refuse(let refusal) = action { refusal } else { nil }
    }

    private static func agreement(_ action: UpgradeDecision.Action) -> UpgradeDecision.Agreement? {
        if case .accept(let agreement) = action { agreement } else { nil }
    }

    /// Returns the agreement with a client that is admitted without a hook.
    private static func agree(
        _ candidate: UpgradeDecision.Candidate, _ rules: UpgradeDecision.Rules = .init()
    ) throws -> UpgradeDecision.Agreement {
        var (decision, action) = UpgradeDecision.begin(candidate, rules)
        guard case .admit = action else { throw Unexpected(action: action) }
        action = decision.admitted(nil)
        guard let agreement = Self.agreement(action) else { throw Unexpected(action: action) }
        return agreement
    }

    private struct Unexpected: Error {
        let action: UpgradeDecision.Action
    }

    // MARK: Handshakes that are wrong

    struct BadHandshake: CustomTestStringConvertible, Sendable {
        let name: String
        let transport: Transport
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
        + Transport.allCases.flatMap { transport -> [BadHandshake] in
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
            Self.candidate(test.transport, test.change), .init(hasHook: true))
        #expect(
            Self.refusal(action) == Refusal(.init(code: test.status), test.reason, test.fields),
            "\(test.testDescription)")
        #expect(decision.subprotocol == nil)
        #expect(Self.stage(of: decision) == .over)
        #expect(Self.agreement(decision.admitted(nil)) == nil)
    }

    @Test("a flawless request goes on to the limiter", arguments: Transport.allCases)
    func flawless(_ transport: Transport) {
        let (decision, action) = UpgradeDecision.begin(Self.candidate(transport), .init(hasHook: true))
        guard case .admit = action else {
            Issue.record("\(action)")
            return
        }
        #expect(Self.stage(of: decision) == .admitting)
    }

    // MARK: The order of the checks

    /// The checks in their order.
    enum Check: Int, CaseIterable, Sendable {
        case handshake
        case version
        case more
        case allowed
        case head
        case origin

        /// Makes a request of HTTP/1.1 fail this check.
        func spoil(_ candidate: inout UpgradeDecision.Candidate, _ rules: inout UpgradeDecision.Rules) {
            switch self {
            case .handshake:
                candidate.handshake = .failure(HandshakeFailure(code: .badRequest, reason: "no", status: 400))
            case .version: candidate.isHTTP10 = true
            case .more: candidate.hasMore = true
            case .allowed: rules.isAllowed = false
            case .head:
                rules.origin = rules.origin ?? .sameHost
                candidate.head = { nil }
            case .origin: rules.origin = .custom { _, _ in false }
            }
        }

        var refusal: Refusal {
            switch self {
            case .handshake: Refusal(.badRequest, "no")
            case .version: Refusal(.badRequest, "a WebSocket needs HTTP/1.1 or later", mayStay: false)
            case .more: Refusal(.badRequest, "an opening handshake must not have a body or anything after it")
            case .allowed: Refusal(.forbidden, "WebSockets are not allowed here")
            case .head: Refusal(.badRequest, "the request is malformed")
            case .origin: UpgradeDecisionTests.wrongOrigin("")
            }
        }
    }

    @Test("each check refuses in its own words", arguments: Check.allCases)
    func check(_ check: Check) {
        var candidate = Self.candidate()
        var rules = UpgradeDecision.Rules(hasHook: true)
        check.spoil(&candidate, &rules)
        let (decision, action) = UpgradeDecision.begin(candidate, rules)
        #expect(Self.refusal(action) == check.refusal)
        #expect(Self.stage(of: decision) == .over)
    }

    @Test("of two faults the first one counts", arguments: Check.allCases, Check.allCases)
    func order(_ first: Check, _ second: Check) {
        guard first.rawValue < second.rawValue else { return }
        var candidate = Self.candidate()
        var rules = UpgradeDecision.Rules(hasHook: true)
        first.spoil(&candidate, &rules)
        second.spoil(&candidate, &rules)
        #expect(Self.refusal(UpgradeDecision.begin(candidate, rules).action) == first.refusal)
        // It makes no difference which was broken first.
        candidate = Self.candidate()
        rules = UpgradeDecision.Rules(hasHook: true)
        second.spoil(&candidate, &rules)
        first.spoil(&candidate, &rules)
        #expect(Self.refusal(UpgradeDecision.begin(candidate, rules).action) == first.refusal)
    }

    @Test("the head is read only for an origin policy, and only after cheaper checks")
    func headIsAskedForLast() {
        var count = 0
        var candidate = Self.candidate()
        let request = Transport.http1.request
        candidate.head = {
            count += 1
            return request
        }
        _ = UpgradeDecision.begin(candidate, .init())
        #expect(count == 0)
        _ = UpgradeDecision.begin(candidate, .init(isAllowed: false, origin: .sameHost))
        #expect(count == 0)
        for check in [Check.handshake, .version, .more] {
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
            var request = Transport.http1.request
            request.headerFields[values: .origin] = test.origins
            let candidate = UpgradeDecision.Candidate(
                handshake: isStream ? nil : Transport.http1.handshake(request), isSecure: test.isSecure,
                head: { [request] in request })
            let action = UpgradeDecision.begin(candidate, .init(origin: test.origin)).action
            #expect((Self.refusal(action) == nil) == test.isAllowed, "\(test.testDescription)")
            let named = test.origins.joined(separator: ", ")
            if !test.isAllowed { #expect(Self.refusal(action) == Self.wrongOrigin(named)) }
        }
    }

    @Test("the log is told which page it was, in visible ASCII and not at any length")
    func originForLog() {
        for (origin, expected) in [
            ("https://ä.example", "https://??.example"),
            (String(repeating: "a", count: 201), String(repeating: "a", count: 200)),
        ] {
            let candidate = Self.candidate { $0.headerFields[.origin] = origin }
            #expect(
                Self.refusal(UpgradeDecision.begin(candidate, .init(origin: .sameHost)).action)
                    == Self.wrongOrigin(expected))
        }
    }

    // MARK: Every state and every event

    enum Stage: CaseIterable {
        case admitting
        case asking
        case over
    }

    /// Returns the stage of a decision, seen from outside.
    private static func stage(of decision: UpgradeDecision) -> Stage {
        var copy = decision
        switch copy.admitted(nil) {
        case .ask, .accept: return .admitting
        case .admit, .refuse: break
        }
        copy = decision
        if case .accept = copy.answered(.allow([:])) { return .asking }
        return .over
    }

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

    private typealias Cell = (outcome: Outcome, next: Stage)
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

    /// Returns a decision that is in a stage, for a valid request.
    private static func decision(_ stage: Stage, _ candidate: UpgradeDecision.Candidate) -> UpgradeDecision {
        var decision = UpgradeDecision.begin(candidate, .init(hasHook: true)).decision
        if stage != .admitting { _ = decision.admitted(nil) }
        if stage == .over { _ = decision.answered(.allow([:])) }
        return decision
    }

    @Test("every event in every state does what the table says", arguments: Event.allCases)
    func everyCell(_ event: Event) throws {
        let row = try #require(Self.table[event], "\(event)")
        try #require(row.count == Stage.allCases.count, "\(event)")
        let candidates = Transport.allCases.map { Self.candidate($0) } + [Self.stream()]
        for (stage, cell) in zip(Stage.allCases, row) {
            for candidate in candidates {
                var decision = Self.decision(stage, candidate)
                #expect(Self.stage(of: decision) == stage)
                #expect(Outcome(event.happen(to: &decision)) == cell.outcome, "\(event) while \(stage)")
                #expect(Self.stage(of: decision) == cell.next, "\(event) while \(stage)")
            }
        }
    }

    enum End: CaseIterable {
        case refusedAtOnce, notAdmitted, admittedWithoutHook, accepted, refused, proceeded, refusedElsewhere, timedOut

        var decision: UpgradeDecision {
            var rules = UpgradeDecision.Rules(hasHook: true)
            if self == .refusedAtOnce { rules.isAllowed = false }
            if self == .admittedWithoutHook { rules.hasHook = false }
            var decision = UpgradeDecision.begin(UpgradeDecisionTests.candidate(), rules).decision
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
        #expect(Self.stage(of: decision) == .over)
        let subprotocol = decision.subprotocol
        for _ in 0..<2 {
            #expect(Self.refusal(event.happen(to: &decision))?.status == .serviceUnavailable, "\(event) behind \(end)")
            #expect(Self.stage(of: decision) == .over)
        }
        #expect(decision.subprotocol == subprotocol)
    }

    @Test("without a hook, an admitted request is accepted", arguments: Transport.allCases)
    func withoutHook(_ transport: Transport) throws {
        let agreement = try Self.agree(Self.candidate(transport))
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
            var decision = UpgradeDecision.begin(Self.candidate(), .init(hasHook: hasHook)).decision
            #expect(Self.refusal(decision.admitted(answer)) == answer)
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
        var decision = Self.decision(.asking, Self.candidate())
        #expect(
            Self.refusal(decision.timedOut())
                == Refusal(.serviceUnavailable, "the authorization took too long", [.retryAfter: "5"]))
    }

    // MARK: What is agreed on

    @Test("over HTTP/1.1 the answer is a 101 with the key's answer and the hook's headers")
    func switchingProtocols() throws {
        var decision = Self.decision(.asking, Self.candidate())
        let agreement = try #require(Self.agreement(decision.answered(.allow([.setCookie: "a=1"]))))
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
        var decision = Self.decision(.asking, Self.candidate(.http2))
        let agreement = try #require(Self.agreement(decision.answered(.allow([.setCookie: "a=1"]))))
        #expect(agreement.response == HTTPResponse(status: .ok, headerFields: [.setCookie: "a=1"]))
    }

    @Test(
        "the server's preference decides about the subprotocol",
        arguments: [
            ([], nil, nil), (["a"], nil, nil), ([], "a", nil), (["a"], "b", nil), (["a"], "A", nil),
            (["a"], "a", "a"), (["a", "b"], "b, a", "a"), (["c", "b"], "a, b, c", "c"), (["x", "b"], "a, b", "b"),
        ] as [([String], String?, String?)])
    func subprotocol(_ supported: [String], _ offered: String?, _ expected: String?) throws {
        for transport in Transport.allCases {
            let candidate = Self.candidate(transport) { $0.headerFields[.secWebSocketProtocol] = offered }
            let rules = UpgradeDecision.Rules(subprotocols: supported, hasHook: true)
            var decision = UpgradeDecision.begin(candidate, rules).decision
            #expect(decision.subprotocol == expected)
            _ = decision.admitted(nil)
            #expect(decision.subprotocol == expected)
            let agreement = try #require(Self.agreement(decision.answered(.allow([:]))))
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
        for transport in Transport.allCases {
            let agreement = try Self.agree(
                Self.candidate(transport) { $0.headerFields[.secWebSocketExtensions] = offer },
                .init(compression: isWanted ? CompressionConfiguration() : nil))
            #expect(agreement.response?.headerFields[.secWebSocketExtensions] == answer)
            #expect((agreement.compression != nil) == (answer != nil))
            #expect(agreement.compression?.serverNoContextTakeover ?? true)
        }
    }

    @Test("an endpoint that the hook has chosen brings its own rules", arguments: Transport.allCases)
    func proceed(_ transport: Transport) throws {
        let candidate = Self.candidate(transport) {
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
        let agreement = try #require(Self.agreement(decision.answered(.proceed(others, [.setCookie: "a=1"]))))
        #expect(agreement.subprotocol == "b")
        #expect(agreement.compression != nil)
        let fields = try #require(agreement.response?.headerFields)
        #expect(fields[.secWebSocketProtocol] == "b")
        #expect(fields[.secWebSocketExtensions] != nil)
        #expect(fields[.setCookie] == "a=1")
    }

    @Test("the origin is judged again by the rules of the endpoint that the hook has chosen")
    func proceedWithOtherOrigin() {
        let page = Self.candidate { $0.headerFields[.origin] = "https://page.example" }
        let others = UpgradeDecision.Rules(origin: .allow(["https://other.example"]))
        var decision = UpgradeDecision.begin(page, .init(origin: .any, hasHook: true)).decision
        _ = decision.admitted(nil)
        #expect(
            Self.refusal(decision.answered(.proceed(others, [.setCookie: "a=1"])))
                == Self.wrongOrigin("https://page.example"))

        var unreadable = Self.candidate()
        unreadable.head = { nil }
        decision = UpgradeDecision.begin(unreadable, .init(hasHook: true)).decision
        _ = decision.admitted(nil)
        #expect(Self.refusal(decision.answered(.proceed(others, [:]))) == Check.head.refusal)
    }

    // MARK: Streams

    @Test("a stream has no handshake, and writes its own answer")
    func stream() throws {
        let rules = UpgradeDecision.Rules(
            origin: .sameHost, subprotocols: ["a"], compression: CompressionConfiguration(), hasHook: true)
        var decision = UpgradeDecision.begin(Self.stream("http://example.com"), rules).decision
        #expect(decision.subprotocol == nil)
        _ = decision.admitted(nil)
        let agreement = try #require(Self.agreement(decision.answered(.allow([.setCookie: "a=1"]))))
        #expect(agreement.handshake == nil)
        #expect(agreement.subprotocol == nil)
        #expect(agreement.compression == nil)
        #expect(agreement.response == nil)
        #expect(agreement.fields == [.setCookie: "a=1"])
    }

    @Test("a stream needs no HTTP/1.1")
    func streamOverHTTP10() {
        var candidate = Self.stream()
        candidate.isHTTP10 = true
        let (decision, action) = UpgradeDecision.begin(candidate, .init(hasHook: true))
        #expect(Self.refusal(action) == nil)
        #expect(Self.stage(of: decision) == .admitting)
    }

    @Test("a request for a stream that has a body, or a page that may not ask, is refused")
    func refusedStream() {
        var candidate = Self.stream()
        candidate.hasMore = true
        #expect(
            Self.refusal(UpgradeDecision.begin(candidate, .init(hasHook: true)).action)
                == Refusal(.badRequest, "a request for a stream must not have a body or anything after it"))
        #expect(
            Self.refusal(UpgradeDecision.begin(Self.stream("http://x.example"), .init(origin: .sameHost)).action)
                == Self.wrongOrigin("http://x.example"))
    }
}
