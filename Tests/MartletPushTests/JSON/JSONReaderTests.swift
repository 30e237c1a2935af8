import NIOCore
import Testing

@testable import MartletPush

@Suite("JSON of others")
struct JSONReaderTests {
    private func text(_ json: String) throws(JSONError) -> String { try JSONValue(ByteBuffer(string: json)).text }

    @Test(
        "is read and written as it was, without blanks",
        arguments: [
            "null", "true", "false", "0", "-0", "12345678901234567890123456789012345678901234567890", "1e200",
            "-1.5E+3",
            #""""#, #""a\"\\\n""#, #""😀é""#, "[]", "{}", "[1,[2,[]],{}]", #"{"b":1,"a":{"c":[null]}}"#,
        ])
    func same(_ json: String) throws {
        #expect(try self.text(json) == json)
        let blanks = json.replacing(",", with: " ,\n ").replacing(":", with: "\t: ").replacing("[", with: "[ ")
        #expect(try self.text(" \r\n\(blanks) ") == json)
    }

    @Test(
        "that is none is refused",
        arguments: [
            "", " ", "nul", "nulll", "tru", "+1", "01", "1.", ".5", "1e", "-", "0x1", "NaN", "[", "]", "[1,]", "[,1]",
            "[1 2]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", #"{"a" 1}"#, "'a'", #"""#, #""\""#, #""\x""#,
            #""\u12""#, #""\u12g4""#, "\"\u{1}\"", "\"\n\"", "1 2", "{}{}", "[}", "\u{FEFF}{}",
        ])
    func malformed(_ json: String) { #expect(throws: JSONError.self) { try self.text(json) } }

    @Test("with bytes that are no UTF-8 is refused, in names and in values")
    func notUTF8() {
        for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]] {
            #expect(throws: JSONError.self) { try JSONValue([0x22] + bytes + [0x22]) }
            #expect(throws: JSONError.self) { try JSONValue([0x22, 0x5C, 0x6E] + bytes + [0x22]) }
            #expect(throws: JSONError.self) { try JSONValue([0x7B, 0x22] + bytes + Array(#"":1}"#.utf8)) }
        }
    }

    @Test(
        "has escapes of all kinds; half a surrogate pair is U+FFFD",
        arguments: [
            (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"),
            (#""\ude00x""#, "\u{FFFD}x"), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (#""\ud83dx""#, "\u{FFFD}x"), (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\u0000""#, "\u{0}"),
            (#""\/\b\f\n\r\t\"\\""#, "/\u{8}\u{c}\n\r\t\"\\"),
        ])
    func escapes(_ json: String, _ text: String) throws {
        #expect(try JSONValue(ByteBuffer(string: json)) == .string(text))
    }

    @Test("is nested 64 deep at most, whatever else stands in it")
    func depth() throws {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")] {
            let levels = open == "[" || open.hasPrefix("{") ? 1 : 2
            func nested(_ count: Int) -> String {
                String(repeating: open, count: count) + "1" + String(repeating: close, count: count)
            }
            #expect(try self.text(nested(64 / levels)) == nested(64 / levels))
            #expect(throws: JSONError.tooDeep) { try self.text(nested(64 / levels + 1)) }
        }
        #expect(throws: JSONError.tooDeep) { try self.text(String(repeating: "[", count: 1_000_000)) }
        let wide = "[" + String(repeating: "[[]],", count: 10_000) + "[]]"
        #expect(try self.text(wide) == wide)
    }

    @Test("has names that are compared by their bytes, and of equal ones the last counts")
    func names() throws {
        let both = "{\"\u{e9}\":1,\"e\u{301}\":2}"
        #expect(try self.text(both).utf8.elementsEqual(both.utf8))
        #expect(try self.text(#"{"a":1,"b":2,"a":3}"#) == #"{"a":3,"b":2}"#)
        let many = (0..<20).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
        #expect(try self.text("{\(many),\"n3\":true,\"n19\":null}").contains(#""n3":true"#))
        let object = try JSONObject(ByteBuffer(string: #"{"A":1,"a":2,"B":3,"b":4,"B":5}"#))
        #expect(object["a"] == .number("2") && object["A"] == .number("1"))
        #expect(object[folded: "A"] == .number("2") && object[folded: "b"] == .number("5"))
    }

    @Test("with a thousand members of one name, or of as many, costs no more than its bytes")
    func manyMembers() throws {
        let count = 100_000
        let equal = "{" + Array(repeating: #""a":1"#, count: count).joined(separator: ",") + "}"
        #expect(try JSONObject(ByteBuffer(string: equal)).members.count == 1)
        let different = "{" + (0..<count).map { "\"\($0)\":1" }.joined(separator: ",") + "}"
        #expect(try JSONObject(ByteBuffer(string: different)).members.count == count)
    }
}
