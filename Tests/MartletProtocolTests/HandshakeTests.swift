import HTTPTypes
import Testing

@testable import MartletProtocol

@Suite("Opening handshake")
struct HandshakeTests {
    /// The example of RFC 6455, section 1.2, with changes.
    private static func request(_ change: (inout HTTPRequest) -> Void = { _ in }) -> HTTPRequest {
        var request = HTTPRequest(
            method: .get, scheme: "http", authority: "server.example.com", path: "/chat",
            headerFields: [
                .upgrade: "websocket", .connection: "Upgrade", .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
                .secWebSocketVersion: "13", .origin: "http://example.com",
            ])
        change(&request)
        return request
    }

    @Test("the example of RFC 6455 gets the answer of RFC 6455")
    func example() throws {
        let handshake = try ServerHandshake(
            request: Self.request { $0.headerFields[.secWebSocketProtocol] = "chat, superchat" })
        let response = handshake.response(subprotocol: handshake.selectSubprotocol(from: ["superchat", "chat"]))
        #expect(response.status.code == 101)
        #expect(response.headerFields[.secWebSocketAccept] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(response.headerFields[.secWebSocketProtocol] == "superchat")
    }

    @Test("what browsers and proxies really send is accepted")
    func accepted() throws {
        let changes: [(inout HTTPRequest) -> Void] = [
            { $0.headerFields[.connection] = "keep-alive, Upgrade" },
            { $0.headerFields[.connection] = "keep-alive ,\tUPGRADE" },
            { $0.headerFields[.upgrade] = "WebSocket" },
            { $0.headerFields[.upgrade] = "h2c, websocket" },
            { $0.headerFields[.secWebSocketProtocol] = "" },
            { $0.headerFields[.secWebSocketExtensions] = "permessage-deflate; client_max_window_bits, x; y=\"z\"" },
            { $0.headerFields[values: .connection] = ["keep-alive", "Upgrade"] },
        ]
        for change in changes { _ = try ServerHandshake(request: Self.request(change)) }
    }

    @Test("a request with something wrong is refused with the right status")
    func refused() {
        let changes: [(name: String, status: Int, change: (inout HTTPRequest) -> Void)] = [
            ("POST", 405, { $0.method = .post }),
            ("no Upgrade", 400, { $0.headerFields[.upgrade] = nil }),
            ("another protocol", 400, { $0.headerFields[.upgrade] = "h2c" }),
            ("websockets", 400, { $0.headerFields[.upgrade] = "websockets" }),
            ("no Connection", 400, { $0.headerFields[.connection] = nil }),
            ("Connection without Upgrade", 400, { $0.headerFields[.connection] = "keep-alive" }),
            ("Connection: Upgraded", 400, { $0.headerFields[.connection] = "Upgraded" }),
            ("no Host", 400, { $0.authority = nil }),
            ("no version", 400, { $0.headerFields[.secWebSocketVersion] = nil }),
            ("version 8", 426, { $0.headerFields[.secWebSocketVersion] = "8" }),
            ("version 013", 426, { $0.headerFields[.secWebSocketVersion] = "013" }),
            ("two versions", 426, { $0.headerFields[values: .secWebSocketVersion] = ["13", "8"] }),
            ("no key", 400, { $0.headerFields[.secWebSocketKey] = nil }),
            ("a key of 15 bytes", 400, { $0.headerFields[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAA" }),
            ("a key of 17 bytes", 400, { $0.headerFields[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAAAAA=" }),
            ("a key that is not base64", 400, { $0.headerFields[.secWebSocketKey] = "dGhlIHNhbXBsZSBub25jZ===" }),
            (
                "two keys", 400,
                {
                    $0.headerFields[values: .secWebSocketKey] = [
                        "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==",
                    ]
                }
            ),
            ("a subprotocol twice", 400, { $0.headerFields[.secWebSocketProtocol] = "a, a" }),
            ("a subprotocol that is no token", 400, { $0.headerFields[.secWebSocketProtocol] = "a b" }),
            ("an extension list that is none", 400, { $0.headerFields[.secWebSocketExtensions] = "a; b=\"c" }),
        ]
        for (name, status, change) in changes {
            do {
                _ = try ServerHandshake(request: Self.request(change))
                Issue.record("accepted: \(name)")
            } catch {
                #expect(error.status == status, "\(name): \(error)")
                let response = ServerHandshake.refusal(of: error)
                #expect(response.status.code == status)
                #expect((response.headerFields[.secWebSocketVersion] == "13") == (error.code == .unsupportedVersion))
                #expect((response.headerFields[.allow] == "GET") == (status == 405))
            }
        }
    }

    @Test("lists with quoted strings are read as RFC 9110 has them")
    func lists() {
        #expect(HeaderListParser.tokens(["a,b", " ,, c\t"]) == ["a", "b", "c"])
        #expect(HeaderListParser.tokens(["a b"]) == nil)
        #expect(HeaderListParser.tokens(["a,(b)"]) == nil)
        #expect(HeaderListParser.tokens([]) == [])
        #expect(
            HeaderListParser.extensions(["x; a; b=1 ; c=\"2\", y"])
                == [
                    WebSocketExtension(
                        name: "x",
                        parameters: [.init(name: "a"), .init(name: "b", value: "1"), .init(name: "c", value: "2")]),
                    WebSocketExtension(name: "y"),
                ])
        #expect(HeaderListParser.extensions(["x; a=\"1,\\\"2\""]) == nil)  // a quoted value must be a token inside
        #expect(
            HeaderListParser.extensions(["x; a=\"1\\2\""]) == [
                WebSocketExtension(name: "x", parameters: [.init(name: "a", value: "12")])
            ])
        for bad in ["x;", "x; =1", "x; a=", "x; a=\"\"", "x y", ";a"] {
            #expect(HeaderListParser.extensions([bad]) == nil, "\(bad)")
        }
        #expect(HeaderListParser.upgradeProtocols(["HTTP/2.0, websocket"]) == ["HTTP/2.0", "websocket"])
    }

    @Test("a client accepts the right answer and no other")
    func client() throws {
        let key = try #require(HandshakeKey("dGhlIHNhbXBsZSBub25jZQ=="))
        let handshake = try ClientHandshake(subprotocols: ["chat"], key: key)
        let request = handshake.request(
            scheme: "http", authority: "a:1", path: "/x?y", extraFields: [.origin: "http://b"])
        #expect(try ServerHandshake(request: request).offeredSubprotocols == ["chat"])
        func response(_ change: (inout HTTPResponse) -> Void = { _ in }) -> HTTPResponse {
            var response = HTTPResponse(
                status: .switchingProtocols,
                headerFields: [
                    .upgrade: "WebSocket", .connection: "keep-alive, upgrade",
                    .secWebSocketAccept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                ])
            change(&response)
            return response
        }
        #expect(try handshake.check(response()).subprotocol == nil)
        #expect(try handshake.check(response { $0.headerFields[.secWebSocketProtocol] = "chat" }).subprotocol == "chat")
        let wrong: [(inout HTTPResponse) -> Void] = [
            { $0.status = .ok },
            { $0.headerFields[.upgrade] = nil },
            { $0.headerFields[.connection] = "close" },
            { $0.headerFields[.secWebSocketAccept] = nil },
            { $0.headerFields[.secWebSocketAccept] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo" },
            { $0.headerFields[.secWebSocketProtocol] = "other" },
            { $0.headerFields[.secWebSocketProtocol] = "chat, chat" },
            { $0.headerFields[.secWebSocketExtensions] = "permessage-deflate" },
        ]
        for change in wrong { #expect(throws: HandshakeFailure.self) { try handshake.check(response(change)) } }
    }

    @Test("a client offers no subprotocol that could break the header")
    func clientSubprotocols() {
        for bad in [["a b"], [""], ["a\r\nX: y"], ["a", "a"], ["a,b"]] {
            #expect(throws: HandshakeFailure.self) { try ClientHandshake(subprotocols: bad) }
        }
    }

    @Test("random keys are keys, and differ")
    func randomKeys() {
        let keys = (0..<100).map { _ in HandshakeKey.random().value }
        #expect(Set(keys).count == 100)
        #expect(keys.allSatisfy { HandshakeKey($0) != nil })
    }
}
