import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// Checks tokens in requests: where they are found, and whether the upstream server sees them.
@Suite("Tokens in requests for a WebSocket")
struct UpgradeTokenTests {
    typealias Fixture = ProxiedUpgradeFixture

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
        func change(_ setup: inout Fixture.Setup) {
            setup.authenticate()
            setup.uri = test.uri
            setup.headers.add(contentsOf: HTTPHeaders(test.fields))
        }
        var upgrade = try Fixture.upgrade(change)
        #expect(Fixture.Outcome(upgrade.arrived(hasMore: false)) == .authenticate(test.token))
        let head = try Fixture.sent(change).head
        #expect(head.uri == test.upstreamURI)
        #expect(head.headers["sec-websocket-protocol"] == test.upstreamSubprotocols)
        let authorization = test.fields.filter { $0.0.lowercased() == "authorization" }.map(\.1)
        #expect(head.headers["authorization"] == authorization)
    }

    @Test("a token stays where it is when nobody asks for one")
    func unusedToken() throws {
        let head = try Fixture.sent {
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
        let head = try Fixture.sent {
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
            try Fixture.sent {
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
}
