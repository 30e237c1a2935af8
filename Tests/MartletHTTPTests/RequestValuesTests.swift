import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("Values out of requests")
struct RequestValuesTests {
    // MARK: Cookies

    @Test(
        "a cookie is the first of its name, without the blanks around it",
        arguments: [
            (["sid=1"], "1"), (["a=1; sid=2"], "2"), (["a=1;sid=2"], "2"), (["a=1;\tsid\t=\t2\t; b=3"], "2"),
            (["sid=1; sid=2"], "1"), (["a=1", "sid=2"], "2"), (["sid=1", "sid=2"], "1"), (["sid=a=b=="], "a=b=="),
            (["sid=a b"], "a b"), (["sid=\u{a0}1"], "\u{a0}1"), (["sid=;\u{301}"], ""), (["a;sid=1"], "1"),
            (["sid;sid=1"], "1"), ([";;sid=1;;"], "1"),
        ] as [([String], String)])
    func cookies(fields: [String], expected: String) {
        #expect(RequestValues.cookie("sid", in: fields) == expected)
    }

    @Test(
        "a cookie may have an empty value, which is not none", arguments: ["sid=", "sid= ", "sid=;a=1", "a=1; sid=\t"])
    func emptyCookie(field: String) { #expect(RequestValues.cookie("sid", in: [field]) == "") }

    @Test("quotes are part of a cookie's value")
    func quotedCookie() {
        #expect(RequestValues.cookie("sid", in: [#"sid="1""#]) == #""1""#)
        #expect(RequestValues.cookie("sid", in: [#"a="x; sid=1""#]) == #"1""#, "and hide no semicolon")
    }

    @Test(
        "a name is compared byte by byte",
        arguments: ["SID=1", "xsid=1", "sidx=1", "sid", "=1", "s%69d=1", "sid\u{301}=1", "\u{a0}sid=1", ""])
    func otherCookies(field: String) { #expect(RequestValues.cookie("sid", in: [field]) == nil) }

    @Test("names that look alike are different")
    func normalization() {
        #expect(RequestValues.cookie("\u{e9}", in: ["e\u{301}=1"]) == nil)
        #expect(RequestValues.cookie("\u{e9}", in: ["\u{e9}=1"]) == "1")
    }

    @Test("cookies stand in all the lines of their header")
    func headers() {
        let headers: HTTPHeaders = ["Cookie": "a=1", "Set-Cookie": "sid=0", "COOKIE": "sid=2"]
        #expect(RequestValues.cookie("sid", in: headers) == "2")
    }

    // MARK: The query

    @Test(
        "a value of the query is the first of its name, which may be encoded",
        arguments: [
            ("?k=1", "1"), ("?k=1&k=2", "1"), ("?a=1&k=2", "2"), ("?%6b=1", "1"), ("?%6B=1&k=2", "1"), ("?k=", ""),
            ("?k=a%20b+c", "a b c"), ("?k=a=b", "a=b"), ("?k=%C3%A4", "ä"), ("?k=%2B%26", "+&"), ("?&&k=1", "1"),
            ("?k&k=2", "2"), ("?k=\u{301}", "\u{301}"),
            // What cannot be decoded is returned as it is.
            ("?k=%zz", "%zz"), ("?k=%4", "%4"), ("?k=%", "%"), ("?k=%ff", "%ff"), ("?k=a+%zz", "a+%zz"),
        ])
    func query(query: String, expected: String) {
        #expect(RequestValues.query("k", in: query[...]) == expected)
    }

    @Test(
        "a name that is not there has no value",
        arguments: [
            "", "?", "?k", "?K=1", "?ak=1", "?ka=1", "?a=k=1", "?=1", "?%6=1", "?+k=1", "?k\u{301}=1", "?%256b=1",
        ])
    func noQuery(query: String) { #expect(RequestValues.query("k", in: query[...]) == nil) }

    @Test(
        "a name is taken out of the query in whichever way it is written, and the rest stays as it came",
        arguments: [
            ("?token=x", ""), ("?a=1&token=x", "?a=1"), ("?token=x&a=1", "?a=1"), ("?to%6ben=x&a=%zz", "?a=%zz"),
            ("?%74%6F%6B%65%6E=x", ""), ("?token=x&token=y&a", "?a"), ("?token", ""), ("?token&a=1", "?a=1"),
            ("?TOKEN=x", "?TOKEN=x"), ("?access_token=x", "?access_token=x"), ("?a=token=x", "?a=token=x"),
            ("?a=%20+b&%zz=1", "?a=%20+b&%zz=1"), ("", ""), ("?", ""),
        ])
    func removing(query: String, expected: String) {
        #expect(RequestValues.removing("token", from: query[...]) == expected)
    }

    @Test(
        "what was taken out is not found any more", arguments: ["?token=1&to%6ben=2&token", "?%74oken=1&a=2&token=3"])
    func removed(query: String) {
        #expect(RequestValues.query("token", in: query[...]) != nil)
        #expect(RequestValues.query("token", in: RequestValues.removing("token", from: query[...])[...]) == nil)
    }

    @Test("a whole query is decoded in its order, or not at all")
    func decodedQuery() throws {
        let pairs = try #require(RequestValues.decodedQuery("?b=1&a=x+y%21&c&d=&b=2"))
        #expect(pairs.map(\.name) == ["b", "a", "c", "d", "b"])
        #expect(pairs.map(\.value) == ["1", "x y!", "", "", "2"])
        #expect(RequestValues.decodedQuery("")?.isEmpty == true)
        for query in ["?a=%f", "?a=1&b=%ff", "?%=1", "?a=%C3", "?a=%zz"] {
            #expect(RequestValues.decodedQuery(query[...]) == nil, "\(query)")
        }
    }

    // MARK: Credentials

    @Test(
        "credentials follow the scheme, in any case, and spaces",
        arguments: [
            ("Bearer x", "x"), ("bearer x", "x"), ("BEARER x", "x"), ("Bearer  x", "x"), ("Bearer x \t", "x"),
            ("Bearer x y", "x y"), ("Bearer Bearer", "Bearer"), ("Bearer \u{a0}", "\u{a0}"),
        ])
    func bearer(field: String, token: String) { #expect(RequestValues.bearerToken(in: field) == token) }

    @Test(
        "another scheme has no token, and neither has a scheme alone",
        arguments: [
            "", "Bearer", "Bearer ", "Bearer  \t", "Basic x", "Bearerx", "Bearer\tx", "Bearer\u{a0}x", " Bearer x",
            "Beare x",
            "Bearer=x", "x Bearer y", "Bearer\u{301} x", "\u{42}\u{301}earer x",
        ])
    func noBearer(field: String) { #expect(RequestValues.bearerToken(in: field) == nil) }

    @Test("each scheme has its own credentials")
    func schemes() {
        #expect(RequestValues.credentials("basic", in: "Basic dTpw") == "dTpw")
        #expect(RequestValues.credentials("basic", in: "Bearer dTpw") == nil)
    }
}
