import HTTPTypes
import MartletWebSocket
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import Testing

@testable import MartletProxy

@Suite("Headers")
struct HeaderTests {
    @Test("headers of the connection are dropped, with those that Connection names")
    func hopByHop() {
        let headers: HTTPHeaders = [
            "Host": "a", "Connection": "keep-alive, X-Private ,upgrade", "Keep-Alive": "timeout=5", "X-Private": "1",
            "TE": "trailers", "Upgrade": "h2c", "HTTP2-Settings": "x", "Proxy-Connection": "x", "Accept": "*/*",
            "Transfer-Encoding": "chunked", "Proxy-Authorization": "Basic x",
        ]
        let kept = HopByHopHeaders.removed(from: headers, more: 0)
        #expect(kept.map(\.name) == ["Host", "Accept"])
    }

    @Test("Connection cannot take away what the upstream must see")
    func protected() {
        let headers: HTTPHeaders = [
            "Connection": "close, Authorization, X-Forwarded-For, Cookie, Host", "Authorization": "x",
            "X-Forwarded-For": "y", "Cookie": "z", "Host": "h",
        ]
        #expect(HopByHopHeaders.removed(from: headers, more: 0).count == 4)
    }

    @Test(
        "an element of a list is found in any case and any spacing",
        arguments: [
            ("Upgrade", true), ("keep-alive, Upgrade", true), (" upgrade\t", true), ("keep-alive,UPGRADE,x", true),
            ("upgraded", false), ("up grade", false), ("", false), ("x-upgrade", false), ("upgrade x", false),
            (",upgrade", true),
        ])
    func lists(value: String, expected: Bool) {
        let headers: HTTPHeaders = ["cOnnection": value]
        #expect(headers.lists("upgrade", in: "Connection") == expected)
    }

    @Test("what an untrusted client says of its origin is replaced")
    func untrusted() {
        var headers: HTTPHeaders = [
            "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil",
        ]
        ForwardedHeaders.set(
            on: &headers, for: .init(peer: "192.0.2.7", isPeerTrusted: false, address: "192.0.2.7", isSecure: false),
            host: "example.com:8080")
        #expect(headers["x-forwarded-for"] == ["192.0.2.7"])
        #expect(headers["x-forwarded-proto"] == ["http"])
        #expect(headers["x-forwarded-host"] == ["example.com:8080"])
        #expect(headers["forwarded"] == ["for=192.0.2.7;host=\"example.com:8080\";proto=http"])
    }

    @Test("what a trusted proxy says is continued")
    func trusted() {
        var headers: HTTPHeaders = [
            "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Forwarded-Proto": "https",
        ]
        ForwardedHeaders.set(
            on: &headers, for: .init(peer: "2001:db8::1", isPeerTrusted: true, address: "203.0.113.9", isSecure: false),
            host: "example.com")
        #expect(headers["x-forwarded-for"] == ["203.0.113.9, 2001:db8::1"])
        #expect(headers["x-forwarded-proto"] == ["https"])
        #expect(headers["x-forwarded-host"] == ["example.com"])
        #expect(headers["forwarded"] == ["for=203.0.113.9, for=\"[2001:db8::1]\";host=example.com;proto=http"])
    }

    @Test("what a trusted proxy says in one way is continued in both")
    func trustedInOneWay() {
        let client = ClientIdentity(peer: "192.0.2.1", isPeerTrusted: true, address: nil, isSecure: false)
        var headers: HTTPHeaders = ["X-Forwarded-For": "203.0.113.9, 2001:db8::1"]
        ForwardedHeaders.set(on: &headers, for: client, host: "a")
        #expect(headers["x-forwarded-for"] == ["203.0.113.9, 2001:db8::1, 192.0.2.1"])
        #expect(
            headers["forwarded"] == [
                "for=203.0.113.9, for=\"[2001:db8::1]\", for=192.0.2.1;host=a;proto=http"
            ])
        headers = ["Forwarded": #"for="[2001:db8::1]:443";by=x, proto=https;For=203.0.113.9"#]
        ForwardedHeaders.set(on: &headers, for: client, host: "a")
        #expect(headers["x-forwarded-for"] == ["2001:db8::1, 203.0.113.9, 192.0.2.1"])
        // What a client wrote must not become parameters of ours.
        headers = ["X-Forwarded-For": "1.2.3.4;host=evil;proto=https, x\", 203.0.113.9:80"]
        ForwardedHeaders.set(on: &headers, for: client, host: "a")
        #expect(
            headers["forwarded"] == ["for=unknown, for=unknown, for=203.0.113.9, for=192.0.2.1;host=a;proto=http"])
    }

    @Test(
        "the client of a trusted proxy is whom Forwarded names, where X-Forwarded-For is not there",
        arguments: [
            (["for=203.0.113.9"], "203.0.113.9"), ([#"for="[2001:db8::1]:443";proto=https"#], "2001:db8::1"),
            (["for=203.0.113.9, for=192.0.2.8"], "203.0.113.9"), (["for=203.0.113.9", "for=192.0.2.8"], "203.0.113.9"),
            ([#"host="a,for=1.2.3.4";for=203.0.113.9"#], "203.0.113.9"), (["for=unknown"], "192.0.2.7"),
            ([], "192.0.2.7"),
            ([#"for="203.0.113.9\"#], "192.0.2.7"), ([#"for="x, for=203.0.113.9"#], "203.0.113.9"),
            (["for=6.6.6.6, proto=https"], "192.0.2.7"),
        ] as [([String], String)])
    func forwardedClient(values: [String], expected: String) throws {
        let headers = HTTPHeaders(values.map { ("Forwarded", $0) })
        let trusted = TrustedProxies([try #require(IPNetwork("192.0.2.0/24"))])
        let identity = ClientIdentity(
            headers, peer: try SocketAddress(ipAddress: "192.0.2.7", port: 1), address: "192.0.2.7", trusted: trusted,
            isSecure: false)
        #expect(identity.address == expected)
    }

    @Test("an HTTP/2 request that names two hosts is one with two Host headers; one that names one host twice is not")
    func twoAuthorities() throws {
        for (host, count) in [("evil", 2), ("example.com", 1)] {
            let channel = EmbeddedChannel(handlers: [HTTP2AuthorityHandler(), HTTP2FramePayloadToHTTP1ServerCodec()])
            try channel.writeInbound(
                HTTP2Frame.FramePayload.headers(
                    .init(
                        headers: [
                            ":method": "GET", ":scheme": "https", ":path": "/", ":authority": "example.com",
                            "host": host,
                        ], endStream: true)))
            guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) else {
                Issue.record("there is no head")
                return
            }
            #expect(head.headers["host"].count == count)
            let isRefused =
                if case .failure(let refusal) = RequestCheck.check(head, isHTTP2: true) {
                    refusal.status == .badRequest
                } else {
                    false
                }
            #expect(isRefused == (count == 2))
        }
    }

    @Test("a line of the log cannot be broken out of")
    func logLines() {
        var entry = AccessLogEntry()
        entry.method = "GET"
        entry.target = "/a\"b"
        entry.version = "HTTP/1.1"
        entry.userAgent = "x\r\n\"y\\"
        entry.status = 200
        let combined = String(decoding: entry.line(.combined), as: UTF8.self)
        #expect(combined.hasSuffix("\"GET /a\\x22b HTTP/1.1\" 200 0 \"-\" \"x\\x0d\\x0a\\x22y\\x5c\""))
        let json = String(decoding: entry.line(.json), as: UTF8.self)
        #expect(json.contains(#""target":"/a\"b""#) && json.contains(#""userAgent":"x\u000d\u000a\"y\\""#))
    }
}
