import HTTPTypes
import MartletProtocol
import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("What every server refuses of HTTP/1.1")
struct RequestFaultTests {
    private static func fault(
        _ fields: [(String, String)], target: String = "/", method: HTTPMethod = .GET, version: HTTPVersion = .http1_1
    ) -> Refusal? {
        RequestCheck.fault(
            of: HTTPRequestHead(version: version, method: method, uri: target, headers: HTTPHeaders(fields)))
    }

    @Test(
        "a request names one host",
        arguments: [
            ([], 400), (["a"], nil), (["a:80"], nil), (["[::1]:8080"], nil), ([""], nil), (["a", "a"], 400),
            (["a", "b"], 400),
            (["", ""], 400), (["a b"], 400), (["a:http"], 400), (["user@a"], 400), (["a/b"], 400), (["a, b"], 400),
            (["[::1"], 400), (["a:99999"], 400),
        ] as [([String], Int?)])
    func hosts(hosts: [String], status: Int?) {
        #expect(Self.fault(hosts.map { ("Host", $0) })?.status.code == status)
    }

    @Test("after a wrong host the connection may stay; after a body with an unknown end it may not")
    func staying() {
        #expect(Self.fault([])?.mayStay == true)
        #expect(Self.fault([("Host", "a"), ("Host", "b")])?.mayStay == true)
        #expect(Self.fault([("Host", "a"), ("Content-Length", "1"), ("Content-Length", "2")])?.mayStay == false)
        #expect(Self.fault([("Content-Length", "1, 2")])?.mayStay == false)
        #expect(Self.fault([("Host", "a"), ("Transfer-Encoding", "gzip")])?.mayStay == false)
        #expect(Self.fault([("Host", "a")], target: "/a b")?.mayStay == false)
    }

    @Test("a request of HTTP/1.0 need not, but none names two or nonsense", arguments: [HTTPVersion.http1_0, .http0_9])
    func oldHosts(version: HTTPVersion) {
        #expect(Self.fault([], version: version) == nil)
        #expect(Self.fault([("host", "a")], version: version) == nil)
        #expect(Self.fault([("Host", "a"), ("host", "a")], version: version)?.status == .badRequest)
        #expect(Self.fault([("Host", "a b")], version: version)?.status == .badRequest)
    }

    @Test(
        "a target has no blanks and no control characters",
        arguments: [
            ("/", false), ("/a?b#c", false), ("*", false), ("http://a/b", false), ("/%00", false), ("", true),
            (" /", true),
            ("/a b", true), ("/a\tb", true), ("/a\0", true), ("/\u{7f}", true), ("/a\r\nX: y", true),
        ])
    func targets(target: String, isRefused: Bool) {
        #expect((Self.fault([("Host", "a")], target: target)?.status == .badRequest) == isRefused)
        #expect((Self.fault([("Host", "a")], target: target) == nil) != isRefused)
    }

    @Test(
        "a method is a token",
        arguments: [
            ("GET", false), ("M-SEARCH", false), ("", true), ("G ET", true), ("GET/", true), ("G\u{c4}T", true),
            ("GET\0", true),
        ])
    func methods(method: String, isRefused: Bool) {
        #expect((Self.fault([("Host", "a")], method: .RAW(value: method))?.status == .badRequest) == isRefused)
    }

    @Test(
        "the end of the body is known in one way",
        arguments: [
            ([], nil), ([("Content-Length", "5")], nil), ([("Transfer-Encoding", "chunked")], nil),
            ([("Content-Length", "+5")], 400), ([("Content-Length", "5"), ("Content-Length", "5")], 400),
            ([("Content-Length", "5"), ("Transfer-Encoding", "chunked")], 400),
            ([("Transfer-Encoding", "gzip, chunked")], 501),
        ] as [([(String, String)], Int?)])
    func framing(fields: [(String, String)], status: Int?) {
        #expect(Self.fault([("Host", "a")] + fields, method: .POST)?.status.code == status)
    }
}

@Suite("What every server refuses of HTTP/2")
struct HTTP2RequestFaultTests {
    private static func request(
        _ fields: [(String, String)] = [], method: HTTPRequest.Method = .get, authority: String? = "a",
        path: String? = "/"
    ) -> HTTPRequest {
        var request = HTTPRequest(method: method, scheme: "https", authority: authority, path: path)
        for (name, value) in fields { request.headerFields.append(HTTPField(name: .init(name)!, value: value)) }
        return request
    }

    @Test("a request names its host and a path")
    func pseudoFields() {
        #expect(RequestCheck.fault(of: Self.request()) == nil)
        #expect(RequestCheck.fault(of: Self.request(authority: "[::1]:8443", path: "/a?b")) == nil)
        #expect(RequestCheck.fault(of: Self.request(method: .options, path: "*")) == nil)
        #expect(RequestCheck.fault(of: Self.request(authority: nil))?.status == .badRequest)
        for path in [nil, "", "/a b"] {
            #expect(RequestCheck.fault(of: Self.request(path: path))?.status == .badRequest, "\(path ?? "none")")
        }
    }

    @Test("a host that is malformed is refused", arguments: ["a b", "user@a", "a:http", "a/b", "[::1", "a,b"])
    func authority(authority: String) {
        #expect(RequestCheck.fault(of: Self.request(authority: authority))?.status == .badRequest)
    }

    @Test(
        "headers that say something of a connection have no place",
        arguments: [
            ("Connection", "close"), ("connection", ""), ("Upgrade", "websocket"), ("Transfer-Encoding", "chunked"),
            ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("te", "gzip"), ("TE", "trailers, gzip"),
            ("TE", ""), ("TE", "trailers;q=1"),
        ])
    func connectionFields(name: String, value: String) {
        let refusal = RequestCheck.fault(of: Self.request([("X-A", "1"), (name, value)]))
        #expect(refusal?.status == .badRequest)
        #expect(refusal?.reason.lowercased().contains(name.lowercased()) == true)
    }

    @Test("other headers do, and so does the wish for trailers")
    func otherFields() {
        #expect(
            RequestCheck.fault(
                of: Self.request([
                    ("te", "trailers"), ("proxy-authorization", "x"), ("connection-id", "1"), ("trailer", "x"),
                ])) == nil)
    }

    @Test(
        "a length is one number",
        arguments: [
            (["0"], false), (["5"], false), (["00"], false), (["5", "5"], true), (["+5"], true), ([""], true),
            (["5, 5"], true),
            (["٥"], true), (["99999999999999999999"], true),
        ])
    func lengths(values: [String], isRefused: Bool) {
        let refusal = RequestCheck.fault(of: Self.request(values.map { ("Content-Length", $0) }, method: .post))
        #expect((refusal?.status == .badRequest) == isRefused)
    }

    // RFC 9113, section 8.3.1: a server SHOULD treat a request whose Host names another than :authority
    // as malformed.
    @Test("a request that names two hosts is refused", arguments: ["evil.example", "a:81", ""])
    func twoHosts(host: String) {
        #expect(RequestCheck.fault(of: Self.request([("Host", host)]))?.status == .badRequest)
    }

    // RFC 9113, section 8.3.1: :path begins with a slash, or is the asterisk of OPTIONS.
    @Test("a path that does not begin with a slash is refused", arguments: ["a", "?a", "*", "http://b/"])
    func paths(path: String) {
        #expect(RequestCheck.fault(of: Self.request(path: path))?.status == .badRequest)
    }
}

@Suite("What an intermediary refuses")
struct RequestCheckTests {
    private static func check(
        _ fields: [(String, String)] = [("Host", "a")], target: String = "/", method: HTTPMethod = .GET,
        version: HTTPVersion = .http1_1, isHTTP2: Bool = false
    ) -> Result<RequestCheck.Checked, Refusal> {
        RequestCheck.check(
            HTTPRequestHead(version: version, method: method, uri: target, headers: HTTPHeaders(fields)),
            isHTTP2: isHTTP2)
    }

    private static func refusal(_ result: Result<RequestCheck.Checked, Refusal>) -> Refusal? {
        if case .failure(let refusal) = result { refusal } else { nil }
    }

    @Test("a request that breaks no rule is checked")
    func passes() throws {
        let checked = try Self.check([("Host", "a:80"), ("Connection", "keep-alive, x")], target: "/a%20b?c").get()
        #expect(checked.target.path == "/a%20b" && checked.target.query == "?c" && checked.target.decodedPath == "/a b")
        #expect(checked.host == "a:80" && !checked.isUpgrade)
        #expect(try Self.check(target: "*", method: .OPTIONS).get().target.path == "*")
    }

    @Test(
        "methods that would reach or show too much are refused",
        arguments: [HTTPMethod.CONNECT, .TRACE, .RAW(value: "TRACE")])
    func methods(method: HTTPMethod) {
        #expect(Self.refusal(Self.check(method: method))?.status == .methodNotAllowed)
        #expect(Self.refusal(Self.check(method: method, isHTTP2: true))?.status == .methodNotAllowed)
    }

    @Test(
        "a tab in Connection is refused, in whichever line and place",
        arguments: ["\tclose", "close\t", "a,\tb", "a\tb", "\t"])
    func tabs(value: String) {
        #expect(Self.refusal(Self.check([("Host", "a"), ("Connection", value)]))?.status == .badRequest)
        #expect(
            Self.refusal(Self.check([("Host", "a"), ("Connection", "x"), ("CONNECTION", value)]))?.status == .badRequest
        )
        #expect(Self.refusal(Self.check([("Host", "a"), ("X-Connection", value)])) == nil)
    }

    @Test(
        "a target that servers would read in different ways is refused",
        arguments: [
            "/..", "/a/../b", "/./a", "/a/%2e%2e/b", "/a/%2E", "/a/..;x/b", "/.;/a", "/a\\b", "/a%5Cb", "/%00",
            "/%0d%0a", "/%7f",
            "/%", "/%zz", "/a#b", "/a b", "", "a", "*", "?a", "ftp://a/", "http:///a", "http://u@a/", "http://a:b/",
            "http://a,b/",
            "https://[::1/", "/ä",
        ])
    func targets(target: String) { #expect(Self.refusal(Self.check(target: target))?.status == .badRequest) }

    @Test(
        "dots that are no segment are a path's own",
        arguments: ["/...", "/a..b", "/.well-known/x", "/a/..b", "/?a=/../b", "/%2e%2e%2e"])
    func dots(target: String) { #expect(Self.refusal(Self.check(target: target)) == nil) }

    @Test(
        "the host is the target's own, else the header's",
        arguments: [
            ("/", "a", "a"), ("/", "", ""), ("http://b/", "a", "b"), ("http://b:81/x?y", "a", "b:81"),
            ("HTTPS://B", "a", "B"),
            ("ws://[::1]:80?x", "a", "[::1]:80"), ("wss://b/", "", "b"),
        ])
    func host(target: String, header: String, expected: String) throws {
        #expect(try Self.check([("Host", header)], target: target).get().host == expected)
    }

    @Test("an absolute target makes up for no Host that is missing or malformed")
    func absolute() {
        #expect(Self.refusal(Self.check([], target: "http://b/"))?.status == .badRequest)
        #expect(Self.refusal(Self.check([("Host", "a b")], target: "http://b/"))?.status == .badRequest)
        #expect(Self.refusal(Self.check([("Host", "b"), ("Host", "b")], target: "http://b/"))?.status == .badRequest)
    }

    @Test("a request of HTTP/1.0 or HTTP/2 may name no host, and none names two")
    func missingHost() throws {
        #expect(Self.refusal(Self.check([]))?.status == .badRequest)
        #expect(try Self.check([], version: .http1_0).get().host == "")
        #expect(try Self.check([], version: .http2, isHTTP2: true).get().host == "")
        let two = [("Host", "a"), ("host", "b")]
        #expect(Self.refusal(Self.check(two, version: .http1_0))?.status == .badRequest)
        #expect(Self.refusal(Self.check(two, version: .http2, isHTTP2: true))?.status == .badRequest)
    }

    @Test("what two servers would read different bodies of is refused")
    func framing() {
        let fields = [("Host", "a"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked")]
        #expect(Self.refusal(Self.check(fields, method: .POST))?.status == .badRequest)
        #expect(Self.refusal(Self.check([("Host", "a"), ("Content-Length", "5 ")]))?.status == .badRequest)
        #expect(
            Self.refusal(Self.check([("Host", "a"), ("Transfer-Encoding", "gzip, chunked")]))?.status == .notImplemented
        )
    }

    @Test(
        "an upgrade is asked for by two headers, in HTTP/1.1",
        arguments: [
            ("websocket", "Upgrade", true), ("WebSocket", "keep-alive, upgrade", true),
            ("h2c, websocket", "UPGRADE", true),
            ("h2c", "Upgrade", false), ("websocket", "close", false), ("websocket", "upgrades", false),
            (nil, "Upgrade", false), ("websocket", nil, false),
        ] as [(String?, String?, Bool)])
    func upgrade(upgrade: String?, connection: String?, isUpgrade: Bool) throws {
        var fields = [("Host", "a")]
        if let upgrade { fields.append(("Upgrade", upgrade)) }
        if let connection { fields.append(("Connection", connection)) }
        #expect(try Self.check(fields).get().isUpgrade == isUpgrade)
        #expect(try !Self.check(fields, isHTTP2: true).get().isUpgrade)
    }

    // RFC 9110, section 15.5.6: a 405 MUST have an Allow header, and the client takes the proxy for the
    // origin server.
    @Test("a method that is not allowed is answered with those that are", arguments: [HTTPMethod.CONNECT, .TRACE])
    func allow(method: HTTPMethod) {
        #expect(Self.refusal(Self.check(method: method))?.fields[.allow] != nil)
    }

    // RFC 9110, section 4.2.1: a recipient MUST reject an http URI with an empty host.
    @Test("an absolute target without a host is refused", arguments: ["http://:80/", "https://:/", "ws://:8080?x"])
    func emptyHost(target: String) { #expect(Self.refusal(Self.check(target: target))?.status == .badRequest) }

    // RFC 9110, section 9.1. The decoder of HTTP/1.1 checks it as well, NIO's HTTP/2 does not.
    @Test("a method that is not a token is refused", arguments: ["GET/", "(GET)", "G\u{c4}T", "GET,POST"])
    func methodTokens(method: String) {
        #expect(Self.refusal(Self.check(method: .RAW(value: method)))?.status == .badRequest)
        #expect(Self.refusal(Self.check(method: .RAW(value: method), isHTTP2: true))?.status == .badRequest)
    }
}

@Suite("Targets in the log")
struct TargetsInTheLogTests {
    @Test(
        "the value of a token stays out of the log, however its name is written",
        arguments: [
            ("/ws?token=s", "/ws?token=…"), ("/ws?tok%65n=s", "/ws?tok%65n=…"),
            ("/ws?%74%6F%6b%65%6E=s&a=1", "/ws?%74%6F%6b%65%6E=…&a=1"),
            ("/ws?TOKEN=s", "/ws?TOKEN=…"), ("/ws?%54oken=s", "/ws?%54oken=…"),
            ("/ws?access%5Ftoken=s", "/ws?access%5Ftoken=…"),
            ("/ws?a=%20&id_token=s", "/ws?a=%20&id_token=…"), ("/ws?token=s&token=t", "/ws?token=…&token=…"),
            ("/ws?token=a=b", "/ws?token=…"), ("/ws?token=", "/ws?token=…"), ("/ws?token=x?y", "/ws?token=…"),
            ("/ws?&&token=s&", "/ws?&&token=…&"), ("?token=s", "?token=…"),
            ("http://a/?a=1&token=s", "http://a/?a=1&token=…"),
            ("/ws?%zztoken=s", "/ws?%zztoken=…"), ("/ws?%fftoken=s", "/ws?%fftoken=…"),
            ("/ws?access+token=s", "/ws?access+token=…"),
        ])
    func hidden(target: String, expected: String) { #expect(RequestCheck.withoutToken(target) == expected) }

    @Test(
        "everything else stays as it came",
        arguments: [
            "", "/", "/ws", "/token=s", "/ws?", "/ws?a=1&b=%zz", "/ws?a=token", "/ws?token", "/ws?tokens=1",
            "/ws?token_type=x",
            "/ws?=token", "/ws?a=%74oken=1", "/ws?tok%2565n=s", "/ws?a=b&&c=%20",
        ])
    func shown(target: String) { #expect(RequestCheck.withoutToken(target) == target) }
}
