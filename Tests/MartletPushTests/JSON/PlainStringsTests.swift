import NIOCore
import Testing

@testable import MartletPush

@Suite("Strings of simple JSON objects")
struct PlainStringsTests {
    private static let names: [StaticString] = ["userId", "event", "message"]

    private func read(_ json: String) -> [String]? {
        PlainStrings.read(ByteBuffer(string: json), names: Self.names)
    }

    @Test("are read in whatever order, with blanks and escapes")
    func simple() {
        #expect(self.read(#"{"userId":"a","event":"b","message":"c"}"#) == ["a", "b", "c"])
        #expect(self.read(" {\t\"message\" : \"c\",\r\n\"userId\":\"a\" , \"event\":\"b\" } \n") == ["a", "b", "c"])
        #expect(
            self.read(#"{"userId":"\"\\\/","event":"\b\f\n\r\t","message":"é€😀\"{}"}"#)
                == ["\"\\/", "\u{8}\u{c}\n\r\t", "é€😀\"{}"])
    }

    @Test("are read whole, wherever in eight bytes a quote, an escape or a control character stands")
    func blocks() {
        for length in 1..<40 {
            let text = String(repeating: "é~x!#[]", count: length).prefix(length)
            #expect(self.read(#"{"userId":"a","event":"b","message":"\#(text)"}"#) == ["a", "b", String(text)])
            #expect(
                self.read(#"{"userId":"a","event":"b","message":"\#(text)\"\\\#(text)"}"#)
                    == ["a", "b", "\(text)\"\\\(text)"])
            for control in ["\u{1f}", "\u{0}", "\n"] {
                #expect(
                    self.read("{\"userId\":\"a\",\"event\":\"b\",\"message\":\"\(text)\(control)xxxxxxxxx\"}") == nil)
            }
        }
    }

    /// Input that is not that simple is left to the decoder; what both read, they read alike.
    @Test(
        "are left to the decoder otherwise",
        arguments: [
            "", "{", "{}", "[]", "null", #"{"userId":"a","event":"b"}"#, #"{"userId":"a","event":"b","message":""}"#,
            #"{"userId":"a","event":"b","message":"c","more":1}"#, #"{"userid":"a","event":"b","message":"c"}"#,
            #"{"userId":"a","event":"b","message":"\u0041"}"#, #"{"userId":"a","event":"b","message":"\x"}"#,
            #"{"userId":"a","event":"b","message":"c"} x"#, #"{"userId":"a","event":"b","message":"c",}"#,
            #"{"userId":"a","userId":"a","event":"b","message":"c"}"#, #"{"userId":1,"event":"b","message":"c"}"#,
            #"{"userId":"a","event":"b","message":"c"#, #"{"userId":"a","event":"b","message":"c\"#,
            "{\"userId\":\"a\",\"event\":\"b\",\"message\":\"c\nd\"}", #"{"userId":"a" "event":"b","message":"c"}"#,
            #"{,"userId":"a","event":"b","message":"c"}"#, #"{"userId""a","event":"b","message":"c"}"#,
        ])
    func unusual(json: String) { #expect(self.read(json) == nil) }

    @Test("with bytes that are no UTF-8 are none")
    func invalid() {
        var bytes = ByteBuffer(string: #"{"userId":"a","event":"b","message":""#)
        bytes.writeBytes([0xFF])
        bytes.writeString(#""}"#)
        #expect(PlainStrings.read(bytes, names: Self.names) == nil)
        #expect(PushMessage(json: bytes) == nil)
    }

    @Test("what both read, they read alike, whatever is cut out or put in")
    func alike() {
        let whole = Array(#"{"userId":"jä\"ck","event":"a\\b\/","message":"\n{\"x\":[1]}"}"#.utf8)
        var generator = SystemRandomNumberGenerator()
        var count = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let index = bytes.indices.randomElement(using: &generator)!
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes.remove(at: index)
                case 1: bytes[index] = whole.randomElement(using: &generator)!
                default: bytes.insert(whole.randomElement(using: &generator)!, at: index)
                }
            }
            let buffer = ByteBuffer(bytes: bytes)
            guard let values = PlainStrings.read(buffer, names: Self.names) else { continue }
            count += 1
            let slow = (try? JSONObject(buffer)).map { object in
                ["userId", "event", "message"].map { try? object.string(.folded($0)) }
            }
            #expect(slow == values, "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(count > 4000)
    }
}
