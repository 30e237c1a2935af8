import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

/// Checks answers with 101: the good and the wrong ones.
@Suite("The upstream server accepts an opening handshake")
struct UpstreamAcceptanceTests {
    typealias Fixture = ProxiedUpgradeFixture

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
        var upgrade = try Fixture.sent {
            $0.headers.add(name: "Sec-WebSocket-Protocol", value: "a, b")
            $0.headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
        }.upgrade
        let action = upgrade.answered(Fixture.switching(test.change))
        guard let fault = test.fault else {
            #expect(Fixture.Outcome(action) == .open)
            #expect(upgrade.phase == .open)
            return
        }
        #expect(Fixture.Outcome(action) == .fail(502, fault: "wrong handshake"))
        #expect(
            Fixture.refusal(action)
                == Refusal(.badGateway, "the upstream app answered the opening handshake wrongly: \(fault)"))
        #expect(upgrade.phase == .over)
    }

    @Test("nothing may be chosen that the upstream server was not offered, whatever the client offered")
    func takenOffers() throws {
        func fault(_ change: (inout Fixture.Setup) -> Void, _ name: String, _ value: String) throws -> String? {
            var upgrade = try Fixture.sent(change).upgrade
            return Fixture.refusal(upgrade.answered(Fixture.switching { $0.add(name: name, value: value) }))?.reason
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
            var upgrade = try Fixture.sent {
                $0.headers.add(name: "Sec-WebSocket-Protocol", value: "a")
                $0.headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
                $0.route.responseHeaders.set = [.init("Server", "martlet")].compactMap { $0 }
            }.upgrade
            let action = upgrade.answered(
                Fixture.switching {
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
            #expect(headers["sec-websocket-accept"] == [Fixture.accept])
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
        #expect(try Fixture.sent().upgrade.handshake?.key?.accept == Fixture.accept)
        #expect(HandshakeKey(Fixture.key)?.accept == Fixture.accept)
    }
}
