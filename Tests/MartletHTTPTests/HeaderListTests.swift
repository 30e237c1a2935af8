import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("Lists in headers")
struct HeaderListTests {
    @Test(
        "elements are what stands between commas, without blanks and tabs",
        arguments: [
            ([], []), ([""], []), (["a"], ["a"]), (["a,b"], ["a", "b"]), ([" a \t,\tb "], ["a", "b"]),
            ([", ,a,,\t,b,"], ["a", "b"]), (["a b"], ["a b"]), (["a, b", "c"], ["a", "b", "c"]),
            (["", "a", ","], ["a"]),
            // Only spaces and tabs are removed, the two that HTTP knows.
            (["\u{a0}a\u{a0},b"], ["\u{a0}a\u{a0}", "b"]), (["\na\r,b"], ["\na\r", "b"]),
            (["\u{3000}a"], ["\u{3000}a"]),
            // A combining mark does not change a comma.
            (["a,\u{301}b"], ["a", "\u{301}b"]), (["a \u{301}, b"], ["a \u{301}", "b"]),
            (["a,\u{20dd},b"], ["a", "\u{20dd}", "b"]),
        ] as [([String], [String])])
    func elements(values: [String], expected: [String]) {
        #expect(HeaderList.elements(values).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test(
        "a comma in a quoted string separates nothing",
        arguments: [
            (#"a="1,2", b"#, [#"a="1,2""#, "b"]), (#""a\",b", c"#, [#""a\",b""#, "c"]),
            (#""a\\", b"#, [#""a\\""#, "b"]),
            (#""", b"#, [#""""#, "b"]), (#""a""b,c",d"#, [#""a""b,c""#, "d"]),
            // Outside of quotes a backslash escapes nothing.
            (#"a\,b"#, [#"a\"#, "b"]), (#"a\"b,c""#, [#"a\"b,c""#]), (#"",\u{301}", b"#, [#"",\u{301}""#, "b"]),
        ])
    func quoted(value: String, expected: [String]) {
        #expect(HeaderList.elements([value]).map(String.init) == expected)
    }

    @Test(
        "a quoted string that is never closed swallows nothing",
        arguments: [
            ([#"a="1, b"#], [#"a="1"#, "b"]), ([#"a, "b, "c", d"#], ["a", #""b"#, #""c""#, "d"]),
            ([#""a\", b"#], [#""a\""#, "b"]), ([#"a="x, y"#, "c"], [#"a="x"#, "y", "c"]),
            ([#"""#, "c"], [#"""#, "c"]),
            ([#"a="x, y"#, #"z", c"#], [#"a="x"#, "y", #"z""#, "c"]),
        ] as [([String], [String])])
    func open(values: [String], expected: [String]) {
        #expect(HeaderList.elements(values).map(String.init) == expected)
    }

    @Test("a text is split outside of quoted strings, empty parts as well")
    func split() {
        let (parts, isClosed) = HeaderList.split(#"for="a;b" ; proto=https;;"#, at: UInt8(ascii: ";"))
        #expect(parts.map(String.init) == [#"for="a;b""#, "proto=https", "", ""] && isClosed)
        let open = HeaderList.split(#"for="a;b"#, at: UInt8(ascii: ";"))
        #expect(open.parts.map(String.init) == [#"for="a;b"#] && !open.isClosed)
        #expect(HeaderList.split("", at: UInt8(ascii: ";")).parts.map(String.init) == [""])
    }

    @Test(
        "blanks and tabs around a text go, and nothing else",
        arguments: [
            (" \t a\t b \t", "a\t b"), ("", ""), (" \t ", ""), ("\u{a0}a", "\u{a0}a"), ("\r\na\n", "\r\na\n"),
            (" \u{301}a ", "\u{301}a"),
        ])
    func trimmed(text: String, expected: String) {
        #expect(HeaderList.trimmed(text[...]).utf8.elementsEqual(expected.utf8))
    }
}

@Suite("Tokens in list headers")
struct HTTPHeadersTokensTests {
    @Test(
        "a token is found among the elements, in any case",
        arguments: [
            (["Upgrade"], true), (["keep-alive, UPGRADE"], true), (["keep-alive", "upgrade"], true),
            (["\tupgrade\t,x"], true),
            ([",,upgrade"], true), (["x,upgrade "], true), (["keep-alive"], false), ([""], false), ([], false),
            (["upgrades"], false), (["xupgrade"], false), (["up grade"], false), (["upgrade x"], false),
            (["upgrade;q=1"], false), (["\"upgrade\""], false), (["upgra", "de"], false),
            (["upgrad\u{45}\u{301}"], false),
        ] as [([String], Bool)])
    func lists(values: [String], isListed: Bool) {
        let headers = HTTPHeaders([("Upgrade", "upgrade")] + values.map { ("CONNECTION", $0) })
        #expect(headers.lists("upgrade", in: "connection") == isListed)
    }
}
