import MartletProtocol
import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("Heads that are read without NIO")
struct HeadParserTests {
    private func request(_ text: String, maximumCount: Int = 100) -> HTTPRequestHead? {
        Array(text.utf8).withUnsafeBytes { HeadParser.request($0, maximumCount: maximumCount) }
    }

    private func answer(_ text: String) -> HTTPResponseHead? {
        Array(text.utf8).withUnsafeBytes { HeadParser.switchingProtocols($0, maximumCount: 100) }
    }

    @Test("a request is read as it stands")
    func request() throws {
        let head = try #require(
            self.request("GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-A:1\r\nX-B: \t two words\r\nX-C:\r\n\r\n"))
        #expect(head.uri == "/a?b=c" && head.method == .GET && head.version == .http1_1)
        #expect(
            head.headers.map { "\($0)=\($1)" } == ["Host=example.com", "X-A=1", "X-B=two words", "X-C="])
    }

    @Test(
        "what could be read in two ways is left to others",
        arguments: [
            "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\n: a\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: é\r\n\r\n", "GET / HTTP/1.1\r\nH\"st: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET ? HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / /b HTTP/1.1\r\nHost: a\r\n\r\n", "get / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n", "",
            "GET / HTTP/1.1\r\nHost: a \r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\t\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", "GET / HTTP/1.1\r\nA: 1\r\n\r\nB: 2\r\n\r\n",
        ])
    func refused(text: String) { #expect(self.request(text) == nil) }

    @Test(
        "what says that a body follows is left to others, whatever it says",
        arguments: ["Content-Length: 0", "content-LENGTH: x+1", "Transfer-Encoding: chunked", "TRANSFER-ENCODING: x"])
    func framing(line: String) {
        #expect(self.request("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n") == nil)
        #expect(self.answer("HTTP/1.1 101\r\nUpgrade: x\r\n\(line)\r\n\r\n") == nil)
        #expect(self.request("GET / HTTP/1.1\r\nHost: a\r\nX\(line)\r\n\r\n") != nil)
    }

    @Test("as many headers as are allowed")
    func count() {
        let text = "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n"
        #expect(self.request(text, maximumCount: 2) != nil)
        #expect(self.request(text, maximumCount: 1) == nil)
    }

    @Test("of answers, a 101 alone is read")
    func answers() {
        #expect(self.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")?.headers["upgrade"] == ["x"])
        #expect(self.answer("HTTP/1.1 101\r\nUpgrade: x\r\n\r\n") != nil)
        for line in ["HTTP/1.1 200 OK", "HTTP/1.0 101 A", "HTTP/1.1 1010 A", "HTTP/1.1 101\tA", "HTTP/1.1  101 A"] {
            #expect(self.answer(line + "\r\nUpgrade: x\r\n\r\n") == nil)
        }
    }

    @Test("the empty line is found wherever it stands, from whatever was searched already")
    func end() {
        for padding in 0..<9 {
            let bytes = Array((String(repeating: "a", count: padding) + "\r\nb\n\r\r\n\r\n\r\n").utf8)
            for start in 0...bytes.count {
                let found = bytes.withUnsafeBytes { HeadParser.end($0, from: start) }
                // After its own last byte, nothing new helps to find it.
                if start < padding + 9 { #expect(found == padding + 9) }
            }
            #expect(bytes.dropLast(4).withUnsafeBytes { HeadParser.end(UnsafeRawBufferPointer($0)) } == nil)
        }
    }
}

@Suite("Grammar of HTTP")
struct HTTPSyntaxTests {
    @Test("the bytes of a token are those of RFC 9110, section 5.6.2")
    func tokens() {
        let tokens = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min ... .max { #expect(HTTPSyntax.isTokenByte(byte) == tokens.contains(byte)) }
    }

    @Test("ids of requests are 16 hexadecimal digits, each once")
    func requestIDs() {
        let ids = (0..<1000).map { _ in RequestID.next() }
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.utf8.count == 16 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
    }
}
