import Testing

@testable import MartletHTTP

struct RepeatedHeadTests {
    static let request = "POST /push HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Key: b\r\n\r\nhello"

    private static func head(_ request: String) -> RepeatedHead? {
        Array(request.utf8).withUnsafeBytes { RepeatedHead($0) }
    }

    /// The body, if the request has this head.
    private static func body(_ request: String, of head: RepeatedHead?) -> String? {
        Array(request.utf8).withUnsafeBytes { bytes in
            head?.body(of: bytes).map { String(decoding: bytes[$0...], as: UTF8.self) }
        }
    }

    @Test(
        "a request with the same head is known, whatever its body",
        arguments: ["", "1", "hello", "POST /push HTTP/1.1\r\n\r\n", String(repeating: "x", count: 1500)])
    func known(body: String) {
        let head = Self.head(Self.request)
        let other = Self.request.replacing("5", with: "\(body.utf8.count)").replacing("hello", with: body)
        #expect(Self.body(other, of: head) == body)
        #expect(head?.lineCount == 4)
    }

    @Test("the length may stand anywhere, in any case, with blanks or none")
    func variants() {
        for (field, lines) in [
            ("Content-Length: 2\r\nHost: a", 3), ("Host: a\r\ncontent-length:2", 3),
            ("HOST: a\r\nCONTENT-LENGTH:   2", 3),
            ("Host: a\r\nContent-Length: 2 \r\nX: content-length: 7", 4),
        ] {
            let request = "POST / HTTP/1.1\r\n\(field)\r\n\r\n{}"
            let head = Self.head(request)
            #expect(head?.lineCount == lines)
            #expect(Self.body(request, of: head) == "{}")
        }
    }

    @Test(
        "what is not one whole request is none",
        arguments: [
            "", "\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello ",
            "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nx",
            "POST / HTTP/1.1\r\nX-Content-Length: 5\r\n\r\nhello", "POST / HTTP/1.1\r\nContent-Length: 5",
            "POST / HTTP/1.1\r\nX: \(String(repeating: "x", count: 3000))\r\nContent-Length: 0\r\n\r\n",
        ])
    func incomplete(request: String) { #expect(Self.head(request) == nil) }

    @Test("each byte of the head counts")
    func otherHeads() {
        let head = Self.head(Self.request)
        let bytes = Array(Self.request.utf8)
        let length = bytes.count - 5
        for index in 0..<length {
            for change in [1, 0x20, 0x80] as [UInt8] {
                var other = bytes
                other[index] ^= change
                #expect(other.withUnsafeBytes { head?.body(of: $0) } == nil, "byte \(index)")
            }
            for count in [index, length] where count < bytes.count {
                #expect(bytes[..<count].withUnsafeBytes { head?.body(of: $0) } == nil)
            }
            #expect(bytes[index...].withUnsafeBytes { head?.body(of: $0) } == (index == 0 ? length : nil))
        }
        #expect(Self.body(Self.request + " ", of: head) == nil)
        #expect(Self.body(Self.request.replacing(" 5", with: " 5;"), of: head) == nil)
        #expect(Self.body(Self.request.replacing(" 5", with: " "), of: head) == nil)
    }
}
