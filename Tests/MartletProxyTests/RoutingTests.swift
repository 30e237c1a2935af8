import NIOHTTP1
import Testing

@testable import MartletProxy

@Suite("Routes and targets")
struct RoutingTests {
    private static func table(_ routes: [(hosts: [String], path: String)]) -> RouteTable {
        RouteTable(routes.map { RouteConfiguration(hosts: $0.hosts, path: $0.path, upstream: "u") })
    }

    @Test(
        "the most exact host wins, then the longest path",
        arguments: [
            ("example.com", "/", 1), ("EXAMPLE.com:8080", "/", 1), ("example.com.", "/api/x", 2),
            ("a.example.com", "/", 3), ("a.b.example.com", "/", 3), ("b.example.com", "/", 4),
            ("x.same.org", "/deep", 6), ("x.othr.org", "/deep", 7), ("other.org", "/", 0),
            ("example.com", "/apix", 1), ("example.com", "/api", 2), ("[::1]:80", "/", 0), ("", "/", 0),
            ("notexample.com", "/", 0),
        ])
    func matching(host: String, path: String, expected: Int) {
        let table = Self.table([
            ([], "/"), (["example.com"], "/"), (["example.com"], "/api"), (["*.example.com"], "/"),
            (["b.example.com"], "/"), (["*.same.org"], "/"), (["*.same.org"], "/deep"), (["*.othr.org"], "/"),
        ])
        #expect(table.match(host: host, path: path) == expected)
    }

    @Test("a request that matches no route has none")
    func noMatch() {
        #expect(Self.table([(["example.com"], "/a")]).match(host: "example.com", path: "/b") == nil)
    }

    @Test(
        "routes see the path as a server that decodes it would",
        arguments: [
            ("/a/b", "/a/b"), ("/%61dmin", "/admin"), ("//a///b", "/a/b"), ("/a%2Fb", "/a/b"), ("/a?x=/../y", "/a"),
            ("http://example.com/a", "/a"), ("http://example.com", "/"), ("http://example.com?x", "/"),
            ("/a..b", "/a..b"),
            ("/.well-known/x", "/.well-known/x"), ("/%C3%A4", "/ä"), ("/a;p=1", "/a"),
            ("/admin;x/secret", "/admin/secret"), ("/a%3Bb/c", "/a/c"),
        ])
    func decoding(target: String, expected: String) {
        #expect(RequestTarget(target, isOptions: false)?.decodedPath == expected)
    }

    @Test(
        "targets that servers read in different ways are refused",
        arguments: [
            "/a/../b", "/..", "/a/%2e%2E/b", "/./a", "/a/..;/b", "/a%5cb", "/a\\b", "/%00", "/%zz", "/%4", "/a#b",
            "/a b",
            "a/b", "*", "ftp://example.com/a", "http://u@example.com/", "", "/ä",
        ])
    func refusing(target: String) {
        #expect(RequestTarget(target, isOptions: false) == nil)
    }

    @Test(
        "a prefix is replaced, the rest and the query stay as they came",
        arguments: [
            ("/app/x%20y?q=1", "/app", "/", "/x%20y?q=1"), ("/app", "/app", "/", "/"), ("/app/", "/app", "/v1", "/v1"),
            ("/app/x", "/app", "/v1", "/v1/x"), ("/%61pp/x%2Fy", "/app", "/v1", "/v1/x/y"),
            ("/x", "/", "/base", "/base/x"),
        ])
    func rewriting(target: String, prefix: String, replacement: String, expected: String) throws {
        let target = try #require(RequestTarget(target, isOptions: false))
        #expect(target.replacing(prefix: prefix, with: replacement) == expected)
    }

    @Test("OPTIONS * is a target of OPTIONS alone")
    func asterisk() {
        #expect(RequestTarget("*", isOptions: true)?.decodedPath == "/")
    }

    @Test("the value of a token in a query stays out of the log")
    func tokens() {
        #expect(RequestCheck.withoutToken("/ws?a=1&token=secret&b=2") == "/ws?a=1&token=…&b=2")
        #expect(RequestCheck.withoutToken("/ws?access_token=secret") == "/ws?access_token=…")
        #expect(RequestCheck.withoutToken("/ws?a=1") == "/ws?a=1")
    }

    @Test("values are found in cookies and queries")
    func values() {
        let headers: HTTPHeaders = ["Cookie": "a=1; sid=x=y", "cookie": "other=2"]
        #expect(RequestValues.cookie("sid", in: headers) == "x=y")
        #expect(RequestValues.cookie("none", in: headers) == nil)
        #expect(RequestValues.query("k", in: "?a=1&k=a%20b+c") == "a b c")
        #expect(RequestValues.removing("token", from: "?a=1&token=x&b") == "?a=1&b")
        #expect(RequestValues.removing("token", from: "?token=x") == "")
    }
}
