import NIOCore
import Testing

@testable import MartletPush

@Suite("Register and push messages")
struct MessageTests {
    @Test(
        "a register message is an object with two strings, keys in any case",
        arguments: [
            (#"{"token":"a","event":"b"}"#, true), (#"{"TOKEN":"a","Event":"b","more":[1]}"#, true),
            (#" { "event" : "b" , "token" : "a" } "#, true), (#"{"token":"","event":"b"}"#, false),
            (#"{"token":"a"}"#, false), (#"{"token":1.5,"event":"b"}"#, false), (#"{"token":null,"event":"b"}"#, false),
            (#"["a","b"]"#, false), (#""a""#, false), ("", false), ("{", false),
            (#"{"token":"a","event":"b"}x"#, false),
        ])
    func register(_ json: String, _ isValid: Bool) {
        let message = RegisterMessage(json: ByteBuffer(string: json))
        #expect((message != nil) == isValid)
        if let message { #expect((message.token, message.event) == ("a", "b")) }
    }

    @Test("the last of several keys counts, whatever their case")
    func lastKey() {
        func token(_ json: String) -> String? { RegisterMessage(json: ByteBuffer(string: json))?.token }
        #expect(token(#"{"TOKEN":"x","token":"a","event":"b"}"#) == "a")
        #expect(token(#"{"token":"x","event":"b","TOKEN":"a"}"#) == "a")
        #expect(token(#"{"token":"x","TOKEN":"y","event":"b","token":"a"}"#) == "a")
    }

    @Test("a user may be an integer, which stands for its digits")
    func integers() {
        let json = #"{"userId":42,"event":"b","message":"c"}"#
        #expect(PushMessage(json: ByteBuffer(string: json)) == PushMessage(user: "42", event: "b", message: "c"))
        #expect(RegisterMessage(json: ByteBuffer(string: #"{"token":42,"event":"b"}"#))?.token == "42")
    }

    @Test(
        "an error names the field",
        arguments: [
            (#"{"event":"b","message":"c"}"#, "userId is missing"),
            (#"{"userId":"","event":"b","message":"c"}"#, "userId is empty"),
            (#"{"userId":4.5,"event":"b","message":"c"}"#, "userId is neither a string nor an integer"),
            (#"{"userId":"a","event":7,"message":"c"}"#, "event is no string"),
            (#"{"userId":"a","event":"b","message":null}"#, "message is no string"),
            (#"["userId"]"#, "it is no JSON object"), ("{", "it is no JSON"),
        ])
    func reasons(_ json: String, _ reason: String) {
        #expect(throws: JSONError(reason)) { try PushMessage(reading: ByteBuffer(string: json)) }
    }

    @Test("a push message needs its three strings, and takes any text")
    func push() {
        let message = PushMessage(json: ByteBuffer(string: #"{"USERID":"a","event":"b","message":"\u00e9\n😀"}"#))
        #expect(message == PushMessage(user: "a", event: "b", message: "é\n😀"))
        #expect(PushMessage(json: ByteBuffer(string: #"{"userId":"a","event":"b"}"#)) == nil)
        #expect(
            PushMessage(
                json: ByteBuffer(bytes: Array(#"{"userId":"a","event":"b","message":""#.utf8) + [0xFF, 0x22, 0x7D]))
                == nil)
    }

    @Test("JSON nested ten thousand deep is refused and harms nothing")
    func deep() {
        let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
        #expect(PushMessage(json: ByteBuffer(string: #"{"userId":"a","event":"b","message":"c","x":\#(deep)}"#)) == nil)
    }
}
