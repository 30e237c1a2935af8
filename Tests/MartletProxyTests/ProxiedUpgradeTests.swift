import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// The tests of ``ProxiedUpgrade``: every phase and every event, what the upstream server sees, and what it may answer.
@Suite("A WebSocket's way through the proxy")
struct ProxiedUpgradeTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    private static let authority = "127.0.0.1:9000"

    // MARK: Requests

    /// A request and its route.
    struct Setup {
        var version = HTTPVersion.http1_1
        var method = HTTPMethod.GET
        var uri = "/ws"
        var headers: HTTPHeaders = [
            "Host": "example.com", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": ProxiedUpgradeTests.key,
        ]
        var route = RouteConfiguration(upstream: "app")
        var identity = ClientIdentity(peer: "192.0.2.7", isPeerTrusted: false, address: "192.0.2.7", isSecure: false)

        /// Demands a token.
        mutating func authenticate(userHeader: String? = "X-User") {
            self.route.webSocket.authenticate = .init(userHeader: userHeader) { _ in nil }
        }

        func makeUpgrade() throws -> ProxiedUpgrade {
            let head = HTTPRequestHead(version: self.version, method: self.method, uri: self.uri, headers: self.headers)
            let checked = try RequestCheck.check(head, isHTTP2: false).get()
            let url = try #require(UpstreamURL("http://\(ProxiedUpgradeTests.authority)"))
            let group = try UpstreamGroup(name: "app", UpstreamConfiguration(endpoints: [.init(url: url)]))
            return ProxiedUpgrade(
                ProxiedRequest(
                    head: head, checked: checked, route: Route(self.route, group: group), identity: self.identity,
                    isHTTP2: false, id: "0123456789abcdef"))
        }
    }

    private static func upgrade(_ change: (inout Setup) -> Void = { _ in }) throws -> ProxiedUpgrade {
        var setup = Setup()
        change(&setup)
        return try setup.makeUpgrade()
    }

    /// An upgrade whose request is with the upstream server.
    ///
    /// - Returns: also the head that was sent.
    private static func sent(
        _ change: (inout Setup) -> Void = { _ in }
    ) throws -> (upgrade: ProxiedUpgrade, head: HTTPRequestHead) {
        var upgrade = try Self.upgrade(change)
        var action = upgrade.arrived(hasMore: false)
        if case .authenticate = action { action = upgrade.authenticated(.user("eve")) }
        guard case .connect = action, case .send(let head) = upgrade.connected(authority: Self.authority) else {
            throw Unexpected(action: action)
        }
        upgrade.sent()
        return (upgrade, head)
    }

    private struct Unexpected: Error {
        let action: ProxiedUpgrade.Action
    }

    private static func switching(_ change: (inout HTTPHeaders) -> Void = { _ in }) -> HTTPResponseHead {
        var headers: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": Self.accept,
        ]
        change(&headers)
        return HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
    }

    private static func answer(_ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:]) -> HTTPResponseHead {
        HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }

    private static func refusal(_ action: ProxiedUpgrade.Action) -> Refusal? {
        if case .fail(let refusal, _) = action { refusal } else { nil }
    }

    // MARK: Every phase and every event

    private static let phases: [ProxiedUpgrade.Phase] = [
        .arriving, .authenticating, .connecting, .answering, .refusing, .open, .over,
    ]

    enum Event: CaseIterable {
        case arrived, arrivedWithMore
        case user, unusableUser, invalid, unavailable
        case connected, sent
        case switching, wrongUpgrade, wrongConnection, wrongAccept, wrongSubprotocol, wrongExtension, body
        case `continue`, earlyHints, ok, unauthorized, upgradeRequired, noContent, notModified
        case refusalEnded, closed, malformed, timedOut, abandoned

        func happen(to upgrade: inout ProxiedUpgrade) -> ProxiedUpgrade.Action {
            switch self {
            case .arrived: upgrade.arrived(hasMore: false)
            case .arrivedWithMore: upgrade.arrived(hasMore: true)
            case .user: upgrade.authenticated(.user("eve"))
            case .unusableUser: upgrade.authenticated(.user("eve\r\nX-Admin: 1"))
            case .invalid: upgrade.authenticated(.invalid)
            case .unavailable: upgrade.authenticated(.unavailable)
            case .connected: upgrade.connected(authority: ProxiedUpgradeTests.authority)
            case .switching, .wrongUpgrade, .wrongConnection, .wrongAccept, .wrongSubprotocol, .wrongExtension, .body,
                .continue, .earlyHints, .ok, .unauthorized, .upgradeRequired, .noContent, .notModified:
                upgrade.answered(self.answer)
            case .closed: upgrade.ended(.closed)
            case .malformed: upgrade.ended(.malformed)
            case .timedOut: upgrade.timedOut()
            case .sent, .refusalEnded, .abandoned: self.note(in: &upgrade)
            }
        }

        /// Performs the events that are never answered.
        private func note(in upgrade: inout ProxiedUpgrade) -> ProxiedUpgrade.Action {
            switch self {
            case .sent: upgrade.sent()
            case .refusalEnded: upgrade.refusalEnded()
            default: upgrade.abandoned()
            }
            return .nothing
        }

        private var answer: HTTPResponseHead {
            ProxiedUpgradeTests.switching { headers in
                switch self {
                case .wrongUpgrade: headers.replaceOrAdd(name: "Upgrade", value: "h2c")
                case .wrongConnection: headers.replaceOrAdd(name: "Connection", value: "close")
                case .wrongAccept: headers.replaceOrAdd(name: "Sec-WebSocket-Accept", value: ProxiedUpgradeTests.key)
                case .wrongSubprotocol: headers.add(name: "Sec-WebSocket-Protocol", value: "chat")
                case .wrongExtension: headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
                case .body: headers.add(name: "Content-Length", value: "1")
                default: break
                }
            }.with(self.status)
        }

        private var status: HTTPResponseStatus {
            switch self {
            case .continue: .continue
            case .earlyHints: .custom(code: 103, reasonPhrase: "Early Hints")
            case .ok: .ok
            case .unauthorized: .unauthorized
            case .upgradeRequired: .upgradeRequired
            case .noContent: .noContent
            case .notModified: .notModified
            default: .switchingProtocols
            }
        }
    }

    enum Outcome: Hashable {
        case nothing
        case authenticate(String)
        case connect
        case send
        case passRefusal(UInt)
        case open
        case fail(Int, fault: String?)
        case breakOff(String)

        init(_ action: ProxiedUpgrade.Action) {
            switch action {
            case .nothing: self = .nothing
            case .authenticate(let token): self = .authenticate(token)
            case .connect: self = .connect
            case .send: self = .send
            case .passRefusal(let head): self = .passRefusal(head.status.code)
            case .open: self = .open
            case .fail(let refusal, let fault): self = .fail(refusal.status.code, fault: fault)
            case .breakOff(let reason): self = .breakOff(reason)
            }
        }
    }

    private struct Cell {
        let outcome: Outcome
        /// The next phase; `nil` if the phase stays the same.
        let next: ProxiedUpgrade.Phase?

        init(_ outcome: Outcome, _ next: ProxiedUpgrade.Phase?) {
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
    private static let table: [Event: [Cell]] = [
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

    private static func demandToken(_ setup: inout Setup) {
        setup.authenticate()
        setup.headers.add(name: "Authorization", value: "Bearer t0ken")
    }

    private static func upgrade(in phase: ProxiedUpgrade.Phase) throws -> ProxiedUpgrade {
        var upgrade = try Self.upgrade(Self.demandToken)
        let events: [Event] =
            switch phase {
            case .arriving: []
            case .authenticating: [.arrived]
            case .connecting: [.arrived, .user]
            case .answering: [.arrived, .user, .connected, .sent]
            case .refusing: [.arrived, .user, .connected, .sent, .ok]
            case .open: [.arrived, .user, .connected, .sent, .switching]
            case .over: [.abandoned]
            }
        for event in events { _ = event.happen(to: &upgrade) }
        try #require(upgrade.phase == phase)
        return upgrade
    }

    @Test("every event in every phase does what the table says", arguments: Event.allCases)
    func everyCell(_ event: Event) throws {
        let row = try #require(Self.table[event], "\(event)")
        try #require(row.count == Self.phases.count, "\(event)")
        for (phase, cell) in zip(Self.phases, row) {
            var upgrade = try Self.upgrade(in: phase)
            #expect(Outcome(event.happen(to: &upgrade)) == cell.outcome, "\(event) while \(phase)")
            #expect(upgrade.phase == cell.next ?? phase, "\(event) while \(phase)")
        }
    }

    /// The ways in which an upgrade ends.
    private static let ends: [[Event]] = [
        [.arrivedWithMore], [.abandoned], [.arrived, .invalid], [.arrived, .unavailable], [.arrived, .unusableUser],
        [.arrived, .abandoned], [.arrived, .user, .closed], [.arrived, .user, .timedOut],
        [.arrived, .user, .abandoned],
        [.arrived, .user, .connected, .closed], [.arrived, .user, .connected, .sent, .wrongAccept],
        [.arrived, .user, .connected, .sent, .malformed], [.arrived, .user, .connected, .sent, .timedOut],
        [.arrived, .user, .connected, .sent, .abandoned], [.arrived, .user, .connected, .sent, .ok, .refusalEnded],
        [.arrived, .user, .connected, .sent, .ok, .closed], [.arrived, .user, .connected, .sent, .ok, .timedOut],
        [.arrived, .user, .connected, .sent, .ok, .abandoned],
    ]

    @Test("once it is over, nothing is done any more, and no failure is recorded twice", arguments: Event.allCases)
    func over(_ event: Event) throws {
        for events in Self.ends {
            var upgrade = try Self.upgrade(Self.demandToken)
            for event in events { _ = event.happen(to: &upgrade) }
            try #require(upgrade.phase == .over, "\(events)")
            #expect(Outcome(event.happen(to: &upgrade)) == .nothing, "\(event) behind \(events)")
            #expect(upgrade.phase == .over, "\(event) behind \(events)")
        }
    }

    @Test("interim answers change nothing, however many there are", arguments: [Event.switching, .ok, .closed])
    func interim(_ last: Event) throws {
        var upgrade = try Self.sent().upgrade
        var other = upgrade
        for event in [Event.continue, .earlyHints, .earlyHints] { _ = event.happen(to: &other) }
        #expect(Outcome(last.happen(to: &other)) == Outcome(last.happen(to: &upgrade)))
        #expect(other.phase == upgrade.phase)
    }

    @Test("the next upstream server gets the request, too, under its own name")
    func nextServer() throws {
        var upgrade = try Self.upgrade { $0.route.host = .upstream }
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

    // MARK: Requests that are refused

    struct BadRequest: CustomTestStringConvertible, Sendable {
        let name: String
        let change: @Sendable (inout Setup) -> Void
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
        var upgrade = try Self.upgrade(test.change)
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
            var upgrade = try Self.upgrade {
                test.change(&$0)
                Self.demandToken(&$0)
            }
            #expect(Self.refusal(upgrade.arrived(hasMore: test.hasMore)) == test.refusal, "\(test.name)")
        }
    }

    @Test("the host and TLS that a trusted proxy names apply to the origin check")
    func originBehindTrustedProxy() throws {
        func outcome(_ origin: String, _ change: (inout Setup) -> Void = { _ in }) throws -> Outcome {
            var upgrade = try Self.upgrade {
                $0.route.webSocket.origin = .sameHost
                $0.headers.add(name: "Origin", value: origin)
                change(&$0)
            }
            return Outcome(upgrade.arrived(hasMore: false))
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
        for (event, expected) in [(Event.invalid, invalid), (.unusableUser, invalid), (.unavailable, unavailable)] {
            var upgrade = try Self.upgrade(in: .authenticating)
            #expect(Self.refusal(event.happen(to: &upgrade)) == expected, "\(event)")
            #expect(upgrade.user == nil)
        }
    }

    @Test("without a header for it, any name of a user will do")
    func anyUser() throws {
        var upgrade = try Self.upgrade {
            Self.demandToken(&$0)
            $0.route.webSocket.authenticate?.userHeader = nil
        }
        _ = upgrade.arrived(hasMore: false)
        #expect(Outcome(Event.unusableUser.happen(to: &upgrade)) == .connect)
        #expect(upgrade.user == "eve\r\nX-Admin: 1")
    }

    // MARK: Tokens

    struct Token: CustomTestStringConvertible, Sendable {
        let name: String
        var uri = "/ws"
        var fields: [(String, String)] = []
        let token: String
        /// The target that the upstream server sees.
        var upstreamURI = "/ws"
        var upstreamSubprotocols: [String] = []

        var testDescription: String { self.name }
    }

    static let tokens: [Token] = [
        .init(name: "Authorization", fields: [("Authorization", "Bearer abc")], token: "abc"),
        .init(name: "Authorization in another case", fields: [("authorization", "bEARER abc")], token: "abc"),
        .init(
            name: "a second Authorization", fields: [("Authorization", "Basic eA=="), ("Authorization", "Bearer abc")],
            token: "abc"),
        .init(name: "a subprotocol", fields: [("Sec-WebSocket-Protocol", "bearer.abc")], token: "abc"),
        .init(
            name: "a subprotocol among others", fields: [("Sec-WebSocket-Protocol", "chat, bearer.a.b, mqtt")],
            token: "a.b", upstreamSubprotocols: ["chat, mqtt"]),
        .init(
            name: "a subprotocol in a second line",
            fields: [("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Protocol", "bearer.abc")], token: "abc",
            upstreamSubprotocols: ["chat"]),
        .init(name: "the query", uri: "/ws?token=abc", token: "abc"),
        .init(
            name: "the query among others", uri: "/ws?a=1&token=abc&b=2", token: "abc", upstreamURI: "/ws?a=1&b=2"),
        .init(name: "the query twice", uri: "/ws?token=abc&a=1&token=def", token: "abc", upstreamURI: "/ws?a=1"),
        .init(
            name: "an encoded query", uri: "/ws?%74oken=a%20b&Token=x", token: "a b", upstreamURI: "/ws?Token=x"),
        .init(
            name: "Authorization before all", uri: "/ws?token=q",
            fields: [("Authorization", "Bearer abc"), ("Sec-WebSocket-Protocol", "bearer.s")], token: "abc",
            upstreamURI: "/ws?token=q", upstreamSubprotocols: ["bearer.s"]),
        .init(
            name: "a subprotocol before the query", uri: "/ws?token=q",
            fields: [("Authorization", "Bearer "), ("Sec-WebSocket-Protocol", "bearer.s")], token: "s",
            upstreamURI: "/ws?token=q"),
        .init(
            name: "the query behind other credentials", uri: "/ws?token=q", fields: [("Authorization", "Basic eA==")],
            token: "q"),
    ]

    @Test("a token is found in three places, and taken out of two of them", arguments: tokens)
    func token(_ test: Token) throws {
        func change(_ setup: inout Setup) {
            setup.authenticate()
            setup.uri = test.uri
            setup.headers.add(contentsOf: HTTPHeaders(test.fields))
        }
        var upgrade = try Self.upgrade(change)
        #expect(Outcome(upgrade.arrived(hasMore: false)) == .authenticate(test.token))
        let head = try Self.sent(change).head
        #expect(head.uri == test.upstreamURI)
        #expect(head.headers["sec-websocket-protocol"] == test.upstreamSubprotocols)
        let authorization = test.fields.filter { $0.0.lowercased() == "authorization" }.map(\.1)
        #expect(head.headers["authorization"] == authorization)
    }

    @Test("a token stays where it is when nobody asks for one")
    func unusedToken() throws {
        let head = try Self.sent {
            $0.uri = "/ws?token=abc"
            $0.headers.add(name: "Sec-WebSocket-Protocol", value: "bearer.abc")
            $0.headers.add(name: "Referer", value: "https://example.com/?token=abc")
        }.head
        #expect(head.uri == "/ws?token=abc")
        #expect(head.headers["sec-websocket-protocol"] == ["bearer.abc"])
        #expect(head.headers["referer"] == ["https://example.com/?token=abc"])
    }

    @Test("the query's token is taken out of a path that is rewritten, too")
    func tokenBehindRewrite() throws {
        let head = try Self.sent {
            $0.authenticate()
            $0.uri = "/app/ws?token=abc&x=%3F"
            $0.route.path = "/app"
            $0.route.rewrite = .replacePrefix("/")
        }.head
        #expect(head.uri == "/ws?x=%3F")
    }

    @Test("a page whose query had the token is not named to the upstream server")
    func referer() throws {
        func referers(_ uri: String, _ fields: HTTPHeaders = [:]) throws -> [String] {
            try Self.sent {
                $0.authenticate()
                $0.uri = uri
                $0.headers.add(name: "Referer", value: "https://example.com/page?token=abc")
                $0.headers.add(contentsOf: fields)
            }.head.headers["referer"]
        }
        #expect(try referers("/ws?token=abc").isEmpty)
        #expect(try referers("/ws", ["Authorization": "Bearer abc"]).count == 1)
        #expect(try referers("/ws", ["Sec-WebSocket-Protocol": "bearer.abc"]).count == 1)
        #expect(try referers("/ws?token=abc", ["Authorization": "Basic eA=="]).isEmpty)
    }

    // MARK: What the upstream server sees

    @Test("the upstream server sees a handshake of its own connection, with the client's key")
    func upstreamHead() throws {
        let head = try Self.sent {
            $0.headers.replaceOrAdd(name: "Connection", value: "keep-alive, Upgrade, X-Private")
            $0.headers.replaceOrAdd(name: "Upgrade", value: "WebSocket")
            $0.headers.add(contentsOf: [
                "X-Private": "1", "Content-Length": "0", "TE": "trailers", "Cookie": "a=1", "Origin": "http://page",
                "Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "b, a",
            ])
        }.head
        #expect(head.method == .GET)
        #expect(head.version == .http1_1)
        #expect(head.uri == "/ws")
        #expect(head.headers["host"] == ["example.com"])
        #expect(head.headers["connection"] == ["Upgrade"])
        #expect(head.headers["upgrade"] == ["websocket"])
        #expect(head.headers["sec-websocket-version"] == ["13"])
        #expect(head.headers["sec-websocket-key"] == [Self.key])
        #expect(head.headers["sec-websocket-extensions"] == ["permessage-deflate"])
        #expect(head.headers["sec-websocket-protocol"] == ["b, a"])
        #expect(head.headers["cookie"] == ["a=1"])
        #expect(head.headers["origin"] == ["http://page"])
        #expect(head.headers["x-forwarded-for"] == ["192.0.2.7"])
        #expect(head.headers["x-request-id"] == ["0123456789abcdef"])
        for name in ["x-private", "content-length", "te"] { #expect(!head.headers.contains(name: name), "\(name)") }
    }

    @Test(
        "only subprotocols that are allowed are offered",
        arguments: [
            (nil, [], []), (nil, ["a, b"], ["a, b"]), (["a"], [], []), (["a"], ["a, b"], ["a"]),
            (["b", "a"], ["a, x, b"], ["a, b"]), (["a"], ["x", "a"], ["a"]),
        ] as [([String]?, [String], [String])])
    func subprotocols(_ allowed: [String]?, _ offered: [String], _ expected: [String]) throws {
        let head = try Self.sent {
            $0.route.webSocket.subprotocols = allowed
            for value in offered { $0.headers.add(name: "Sec-WebSocket-Protocol", value: value) }
        }.head
        #expect(head.headers["sec-websocket-protocol"] == expected)
    }

    @Test("a token among the subprotocols needs no permission, and is none that is offered")
    func tokenAmongSubprotocols() throws {
        func change(_ offered: String) -> (inout Setup) -> Void {
            {
                $0.authenticate()
                $0.route.webSocket.subprotocols = ["chat"]
                $0.headers.add(name: "Sec-WebSocket-Protocol", value: offered)
            }
        }
        #expect(try Self.sent(change("bearer.abc")).head.headers["sec-websocket-protocol"].isEmpty)
        #expect(try Self.sent(change("bearer.abc, chat")).head.headers["sec-websocket-protocol"] == ["chat"])
        var upgrade = try Self.upgrade(change("bearer.abc, mqtt"))
        _ = upgrade.arrived(hasMore: false)
        #expect(
            Self.refusal(upgrade.authenticated(.user("eve")))
                == Refusal(.badRequest, "none of the offered subprotocols is allowed here"))
        #expect(upgrade.phase == .over)
    }

    @Test("only the checked token says who the user is")
    func userHeader() throws {
        func users(_ header: String?, _ fields: HTTPHeaders) throws -> [String] {
            let (upgrade, head) = try Self.sent {
                Self.demandToken(&$0)
                $0.route.webSocket.authenticate?.userHeader = header
                $0.headers.add(contentsOf: fields)
            }
            #expect(upgrade.user == "eve")
            return head.headers["x-user"]
        }
        #expect(try users("X-User", [:]) == ["eve"])
        #expect(try users("X-User", ["X-User": "admin", "x-uSER": "root"]) == ["eve"])
        #expect(try users("x-user", ["X-User": "admin"]) == ["eve"])
        #expect(try users(nil, ["X-User": "admin"]) == ["admin"])
        // Nor can the client have it dropped.
        #expect(try users("X-User", ["Connection": "X-User"]) == ["eve"])
        // Nobody has been asked.
        #expect(
            try Self.sent { $0.headers.add(name: "X-User", value: "admin") }.head.headers["x-user"] == ["admin"])
    }

    @Test("a route that compresses by itself offers no extension")
    func compressedRoute() throws {
        for isCompressed in [false, true] {
            var (upgrade, head) = try Self.sent {
                $0.route.webSocket.isCompressed = isCompressed
                $0.headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
            }
            #expect(head.headers.contains(name: "sec-websocket-extensions") == !isCompressed)
            let action = upgrade.answered(
                Self.switching { $0.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate") })
            #expect(Outcome(action) == (isCompressed ? .fail(502, fault: "wrong handshake") : .open))
            // The client's offer is answered by the proxy.
            #expect(upgrade.handshake?.offeredExtensions.map(\.name) == ["permessage-deflate"])
        }
    }

    // MARK: The upstream server says yes

    struct Answer: CustomTestStringConvertible, Sendable {
        let name: String
        let change: @Sendable (inout HTTPHeaders) -> Void
        /// The fault that is reported; `nil` if the answer is good.
        let fault: String?

        init(_ name: String, _ fault: String?, _ change: @escaping @Sendable (inout HTTPHeaders) -> Void) {
            self.name = name
            self.change = change
            self.fault = fault
        }

        var testDescription: String { self.name }
    }

    private static let badUpgrade = "the header Upgrade is not websocket"
    private static let badConnection = "the header Connection lacks Upgrade"
    private static let badAccept = "Sec-WebSocket-Accept does not answer the key"
    private static let hasBody = "a 101 has no body"
    private static let badSubprotocol = "a subprotocol was chosen that was not offered"

    /// Answers to a client that offers the subprotocols `a` and `b`, and permessage-deflate.
    static let answers: [Answer] = [
        Answer("as it should be", nil) { _ in },
        Answer("Upgrade in another case", nil) { $0.replaceOrAdd(name: "upgrade", value: "WebSocket") },
        Answer("no Upgrade", badUpgrade) { $0.remove(name: "Upgrade") },
        Answer("another Upgrade", badUpgrade) { $0.replaceOrAdd(name: "Upgrade", value: "h2c") },
        Answer("two Upgrades", badUpgrade) { $0.add(name: "Upgrade", value: "websocket") },
        Answer("an Upgrade among others", badUpgrade) { $0.replaceOrAdd(name: "Upgrade", value: "websocket, h2c") },
        Answer("Connection among others", nil) { $0.replaceOrAdd(name: "Connection", value: "keep-alive, upgrade") },
        Answer("no Connection", badConnection) { $0.remove(name: "Connection") },
        Answer("another Connection", badConnection) { $0.replaceOrAdd(name: "Connection", value: "keep-alive") },
        Answer("no accept", badAccept) { $0.remove(name: "Sec-WebSocket-Accept") },
        Answer("another accept", badAccept) { $0.replaceOrAdd(name: "Sec-WebSocket-Accept", value: "x") },
        Answer("two accepts", badAccept) {
            $0.add(name: "Sec-WebSocket-Accept", value: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        },
        Answer("an accept in another case", badAccept) {
            $0.replaceOrAdd(name: "Sec-WebSocket-Accept", value: "S3PPLMBITXAQ9KYGZZHZRBK+XOO=")
        },
        Answer("an empty body", nil) { $0.add(name: "Content-Length", value: "0") },
        Answer("a body", hasBody) { $0.add(name: "Content-Length", value: "5") },
        Answer("a body behind an empty one", hasBody) {
            $0.add(name: "Content-Length", value: "0")
            $0.add(name: "Content-Length", value: "5")
        },
        Answer("a length that is none", hasBody) { $0.add(name: "Content-Length", value: "+0") },
        Answer("a chunked body", hasBody) { $0.add(name: "Transfer-Encoding", value: "chunked") },
        Answer("a subprotocol", nil) { $0.add(name: "Sec-WebSocket-Protocol", value: "b") },
        Answer("a subprotocol that was not offered", badSubprotocol) {
            $0.add(name: "Sec-WebSocket-Protocol", value: "c")
        },
        Answer("a subprotocol in another case", badSubprotocol) { $0.add(name: "Sec-WebSocket-Protocol", value: "A") },
        Answer("two subprotocols", badSubprotocol) { $0.add(name: "Sec-WebSocket-Protocol", value: "a, b") },
        Answer("two subprotocols in two lines", badSubprotocol) {
            $0.add(name: "Sec-WebSocket-Protocol", value: "a")
            $0.add(name: "Sec-WebSocket-Protocol", value: "a")
        },
        Answer("an extension", nil) { $0.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate") },
        Answer("a cookie", nil) { $0.add(name: "Set-Cookie", value: "a=1") },
    ]

    @Test("a 101 that does not answer the handshake is a fault of the upstream server", arguments: answers)
    func answer(_ test: Answer) throws {
        var upgrade = try Self.sent {
            $0.headers.add(name: "Sec-WebSocket-Protocol", value: "a, b")
            $0.headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
        }.upgrade
        let action = upgrade.answered(Self.switching(test.change))
        guard let fault = test.fault else {
            #expect(Outcome(action) == .open)
            #expect(upgrade.phase == .open)
            return
        }
        #expect(Outcome(action) == .fail(502, fault: "wrong handshake"))
        #expect(
            Self.refusal(action)
                == Refusal(.badGateway, "the upstream app answered the opening handshake wrongly: \(fault)"))
        #expect(upgrade.phase == .over)
    }

    @Test("nothing may be chosen that the upstream server was not offered, whatever the client offered")
    func takenOffers() throws {
        func fault(_ change: (inout Setup) -> Void, _ name: String, _ value: String) throws -> String? {
            var upgrade = try Self.sent(change).upgrade
            return Self.refusal(upgrade.answered(Self.switching { $0.add(name: name, value: value) }))?.reason
        }
        let wrongly = "the upstream app answered the opening handshake wrongly: "
        #expect(
            try fault(
                {
                    $0.authenticate()
                    $0.headers.add(name: "Sec-WebSocket-Protocol", value: "chat, bearer.abc")
                }, "Sec-WebSocket-Protocol", "bearer.abc") == wrongly + Self.badSubprotocol)
        #expect(
            try fault(
                {
                    $0.route.webSocket.subprotocols = ["chat"]
                    $0.headers.add(name: "Sec-WebSocket-Protocol", value: "chat, mqtt")
                }, "Sec-WebSocket-Protocol", "mqtt") == wrongly + Self.badSubprotocol)
        #expect(
            try fault({ _ in }, "Sec-WebSocket-Extensions", "permessage-deflate")
                == wrongly + "an extension was chosen that was not offered")
    }

    @Test("the client gets the upstream server's 101, on a connection of its own")
    func open() throws {
        for hasExtension in [false, true] {
            var upgrade = try Self.sent {
                $0.headers.add(name: "Sec-WebSocket-Protocol", value: "a")
                $0.headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
                $0.route.responseHeaders.set = [.init("Server", "martlet")].compactMap { $0 }
            }.upgrade
            let action = upgrade.answered(
                Self.switching {
                    $0.replaceOrAdd(name: "Connection", value: "X-Private, Upgrade")
                    $0.add(contentsOf: [
                        "X-Private": "1", "Content-Length": "0", "Keep-Alive": "timeout=5", "Server": "app",
                        "Set-Cookie": "a=1", "Sec-WebSocket-Protocol": "a",
                    ])
                    if hasExtension { $0.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate") }
                })
            guard case .open(let headers, let isCompressed) = action else {
                Issue.record("\(action)")
                return
            }
            #expect(isCompressed == hasExtension)
            #expect(headers["connection"] == ["Upgrade"])
            #expect(headers["upgrade"] == ["websocket"])
            #expect(headers["sec-websocket-accept"] == [Self.accept])
            #expect(headers["sec-websocket-protocol"] == ["a"])
            #expect(headers["sec-websocket-extensions"] == (hasExtension ? ["permessage-deflate"] : []))
            #expect(headers["set-cookie"] == ["a=1"])
            #expect(headers["server"] == ["martlet"])
            for name in ["x-private", "content-length", "keep-alive"] {
                #expect(!headers.contains(name: name), "\(name)")
            }
        }
    }

    @Test("the answer to the key is the protocol's own")
    func key() throws {
        #expect(try Self.sent().upgrade.handshake?.key?.accept == Self.accept)
        #expect(HandshakeKey(Self.key)?.accept == Self.accept)
    }

    // MARK: The upstream server says no

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
        var upgrade = try Self.sent().upgrade
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
        var upgrade = try Self.sent { $0.route.responseHeaders.remove = ["Server"] }.upgrade
        let old = HTTPResponseHead(version: .http1_0, status: .notFound, headers: ["Server": "app"])
        guard case .passRefusal(let head) = upgrade.answered(old) else {
            Issue.record("not passed on")
            return
        }
        #expect(head.version == .http1_1)
        #expect(!head.headers.contains(name: "server"))
    }

    // MARK: The upstream server says nothing

    @Test(
        "a server that does not answer is named by its upstream alone",
        arguments: [
            (Event.closed, 502, "the upstream app ended the connection without an answer"),
            (.malformed, 502, "the answer of the upstream app is not valid HTTP"),
            (.timedOut, 504, "the upstream app did not answer the opening handshake in time"),
        ])
    func noAnswer(_ event: Event, _ status: Int, _ reason: String) throws {
        for phase in [ProxiedUpgrade.Phase.connecting, .answering] {
            var upgrade = try Self.upgrade(in: phase)
            #expect(Self.refusal(event.happen(to: &upgrade)) == Refusal(.init(code: status), reason))
        }
    }
}

extension HTTPResponseHead {
    fileprivate func with(_ status: HTTPResponseStatus) -> HTTPResponseHead {
        HTTPResponseHead(version: self.version, status: status, headers: self.headers)
    }
}
