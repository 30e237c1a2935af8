import Testing

@testable import MartletPush

@Suite("Exact strings")
struct ExactStringTests {
    private func hash(_ texts: String...) -> Int {
        var hasher = Hasher()
        for text in texts { ExactString(text).hash(into: &hasher) }
        return hasher.finalize()
    }

    @Test("are equal when their bytes are")
    func bytes() {
        #expect(ExactString("a") == ExactString("a") && ExactString("a").hashValue == ExactString("a").hashValue)
        #expect(ExactString("\u{e9}") != ExactString("e\u{301}"))
    }

    @Test("several in a row hash unlike others with the same bytes, so that nobody can fill one bucket of a table")
    func ends() {
        let hashes = [
            self.hash("abc"), self.hash("ab", "c"), self.hash("a", "bc"), self.hash("a", "b", "c"),
            self.hash("", "abc"), self.hash("abc", ""),
        ]
        #expect(Set(hashes).count == hashes.count)
        let events = [["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"]]
        #expect(Set(events.map { TokenQuestion(token: "t", events: $0).hashValue }).count == events.count)
        let channels = ["a", "ab", "abc"].map { UserChannel(user: $0, event: String("abcd".dropFirst($0.utf8.count))) }
        #expect(Set(channels.map(\.hashValue)).count == channels.count)
    }

    @Test("JSON hashes unlike other JSON with the same texts")
    func json() throws {
        let texts = [#"{"a":"bc"}"#, #"{"ab":"c"}"#, #"[["a"],"b"]"#, #"[["a","b"]]"#, #"[1]"#, #"["1"]"#, "[]", "{}"]
        let hashes = try texts.map { try JSONValue($0.utf8).hashValue }
        #expect(Set(hashes).count == hashes.count)
    }
}
