import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// Checks the opening handshake that ``ProxiedUpgrade`` sends.
@Suite("The opening handshake that the upstream server sees")
struct UpstreamHandshakeTests {
    typealias Fixture = ProxiedUpgradeFixture

    @Test("the upstream server sees a handshake of its own connection, with the client's key")
    func upstreamHead() throws {
        let head = try Fixture.sent {
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
        #expect(head.headers["sec-websocket-key"] == [Fixture.key])
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
        let head = try Fixture.sent {
            $0.route.webSocket.subprotocols = allowed
            for value in offered { $0.headers.add(name: "Sec-WebSocket-Protocol", value: value) }
        }.head
        #expect(head.headers["sec-websocket-protocol"] == expected)
    }

    @Test("a token among the subprotocols needs no permission, and is none that is offered")
    func tokenAmongSubprotocols() throws {
        func change(_ offered: String) -> (inout Fixture.Setup) -> Void {
            {
                $0.authenticate()
                $0.route.webSocket.subprotocols = ["chat"]
                $0.headers.add(name: "Sec-WebSocket-Protocol", value: offered)
            }
        }
        #expect(try Fixture.sent(change("bearer.abc")).head.headers["sec-websocket-protocol"].isEmpty)
        #expect(try Fixture.sent(change("bearer.abc, chat")).head.headers["sec-websocket-protocol"] == ["chat"])
        var upgrade = try Fixture.upgrade(change("bearer.abc, mqtt"))
        _ = upgrade.arrived(hasMore: false)
        #expect(
            Fixture.refusal(upgrade.authenticated(.user("eve")))
                == Refusal(.badRequest, "none of the offered subprotocols is allowed here"))
        #expect(upgrade.phase == .over)
    }

    @Test("only the checked token says who the user is")
    func userHeader() throws {
        func users(_ header: String?, _ fields: HTTPHeaders) throws -> [String] {
            let (upgrade, head) = try Fixture.sent {
                Fixture.demandToken(&$0)
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
            try Fixture.sent { $0.headers.add(name: "X-User", value: "admin") }.head.headers["x-user"] == ["admin"])
    }

    @Test("a route that compresses by itself offers no extension")
    func compressedRoute() throws {
        for isCompressed in [false, true] {
            var (upgrade, head) = try Fixture.sent {
                $0.route.webSocket.isCompressed = isCompressed
                $0.headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
            }
            #expect(head.headers.contains(name: "sec-websocket-extensions") == !isCompressed)
            let action = upgrade.answered(
                Fixture.switching { $0.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate") })
            #expect(Fixture.Outcome(action) == (isCompressed ? .fail(502, fault: "wrong handshake") : .open))
            // The client's offer is answered by the proxy.
            #expect(upgrade.handshake?.offeredExtensions.map(\.name) == ["permessage-deflate"])
        }
    }
}
