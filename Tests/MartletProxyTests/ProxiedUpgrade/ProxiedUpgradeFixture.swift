import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// The requests and answers that all suites about ``ProxiedUpgrade`` need.
enum ProxiedUpgradeFixture {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    static let authority = "127.0.0.1:9000"

    /// A request and its route.
    struct Setup {
        var version = HTTPVersion.http1_1
        var method = HTTPMethod.GET
        var uri = "/ws"
        var headers: HTTPHeaders = [
            "Host": "example.com", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": ProxiedUpgradeFixture.key,
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
            let url = try #require(UpstreamURL("http://\(ProxiedUpgradeFixture.authority)"))
            let group = try UpstreamGroup(name: "app", UpstreamConfiguration(endpoints: [.init(url: url)]))
            return ProxiedUpgrade(
                ProxiedRequest(
                    head: head, checked: checked, route: Route(self.route, group: group), identity: self.identity,
                    isHTTP2: false, id: "0123456789abcdef"))
        }
    }

    static func upgrade(_ change: (inout Setup) -> Void = { _ in }) throws -> ProxiedUpgrade {
        var setup = Setup()
        change(&setup)
        return try setup.makeUpgrade()
    }

    /// An upgrade whose request is with the upstream server.
    ///
    /// - Returns: also the head that was sent.
    static func sent(
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

    static func switching(_ change: (inout HTTPHeaders) -> Void = { _ in }) -> HTTPResponseHead {
        var headers: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": Self.accept,
        ]
        change(&headers)
        return HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
    }

    static func refusal(_ action: ProxiedUpgrade.Action) -> Refusal? {
        if case .fail(let refusal, _) = action { refusal } else { nil }
    }

    static func demandToken(_ setup: inout Setup) {
        setup.authenticate()
        setup.headers.add(name: "Authorization", value: "Bearer t0ken")
    }

    /// An upgrade in a phase, of a request that needs a token.
    static func upgrade(in phase: ProxiedUpgrade.Phase) throws -> ProxiedUpgrade {
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
}
