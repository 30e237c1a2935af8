import Testing

@testable import MartletHTTP

@Suite("Ids of requests")
struct RequestIDTests {
    private static func isNew(_ id: String) -> Bool {
        id.utf8.count == 16 && id.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    @Test(
        "what somebody in front calls a request is kept",
        arguments: ["a", "7b1f-00", "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", String(repeating: "x", count: 64)])
    func given(id: String) {
        #expect(RequestID.given([id]) == id)
        #expect(RequestID.given(id) == id)
    }

    @Test(
        "what could not stand in a log is not",
        arguments: [
            "", " ", "a b", "a\tb", "a\n", "\u{1b}[31m", "a\"b", "a\u{7f}", "a\0", "ä", "a\u{301}", "\u{202e}a",
            String(repeating: "x", count: 65),
            String(repeating: "x", count: 63) + "ä",
        ])
    func refused(id: String) {
        #expect(RequestID.given([id]) != id && Self.isNew(RequestID.given([id])))
        #expect(Self.isNew(RequestID.given(id)))
    }

    @Test("several values are nobody's, and none is none", arguments: [[], ["a", "b"], ["a", "a"], ["a", ""]])
    func several(values: [String]) {
        let id = RequestID.given(values)
        #expect(Self.isNew(id))
        #expect(RequestID.given(values) != id, "each gets one of its own")
    }

    @Test("a request that has no id gets a new one each time")
    func missing() {
        let missing: String? = nil
        #expect(Set((0..<100).map { _ in RequestID.given(missing) }).count == 100)
    }
}
