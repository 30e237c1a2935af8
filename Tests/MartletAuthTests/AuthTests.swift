import FoundationEssentials
import HTTPTypes
import MartletService
import NIOHTTP1
import Testing

@testable import MartletAuth

@Suite("Authentication")
struct AuthTests {
    @Test("a token file names its users, and the line that is wrong")
    func tokenFile() throws {
        let file = try TokenFile(text: "# comment\n\nt1 jack\nt2\tjill  \r\n# another\r\nt3 joe\r\n", name: "tokens")
        #expect(file.user(of: "t1") == "jack")
        #expect(file.user(of: "t2") == "jill")
        #expect(file.user(of: "jack") == nil)
        for (text, line) in [
            ("t1 jack\nt2\n", "line 2"), ("t1 jack\nt1 jill", "line 2"), ("a b c", "line 1"), ("# x", "no tokens"),
        ] {
            let error = #expect(throws: ServerError.self) { try TokenFile(text: text, name: "tokens") }
            #expect(error?.reason.contains(line) == true)
        }
    }

    @Test("API keys and their names are compared by their bytes, whatever Unicode takes for the same")
    func bytes() throws {
        let keys = APIKeys([APIKey("secret", name: "caf\u{e9}")])
        #expect(keys.holds("secret", name: "caf\u{e9}") && !keys.holds("secret", name: "cafe\u{301}"))
        let file = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
        try Data("caf\u{e9} one\ncafe\u{301} two\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let both = try APIKeys(contentsOf: file.path())
        #expect(both.key(among: ["caf\u{e9}"])?.name == "one" && both.key(among: ["cafe\u{301}"])?.name == "two")
    }

    @Test("the API key is taken from either header and compared whole")
    func apiKey() {
        let keys = APIKeys([APIKey("secret", name: "shop"), APIKey("other", name: "blog")])
        func name(_ header: String, _ value: String) -> String? {
            let fields: HTTPFields = [HTTPField.Name(header)!: value]
            let typed = HTTPRequest(
                method: .post, scheme: "http", authority: "a", path: "/push", headerFields: fields)
            let name = keys.key(of: typed)?.name
            #expect(keys.key(of: HTTPHeaders([(header, value)]))?.name == name)
            return name
        }
        #expect(name("X-API-Key", "secret") == "shop")
        #expect(name("X-API-Key", "other") == "blog")
        #expect(name("Authorization", "bearer secret") == "shop")
        for (header, value) in [
            ("X-API-Key", "secre"), ("X-API-Key", "secrets"), ("X-API-Key", ""), ("Authorization", "secret"),
            ("Authorization", "Basic secret"), ("X", "secret"), ("X-API-Key", "shop"),
        ] {
            #expect(name(header, value) == nil)
        }
    }
}
