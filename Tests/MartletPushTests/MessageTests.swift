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
            (#"{"token":"a"}"#, false), (#"{"token":1,"event":"b"}"#, false), (#"{"token":null,"event":"b"}"#, false),
            (#"["a","b"]"#, false), (#""a""#, false), ("", false), ("{", false),
            (#"{"token":"a","event":"b"}x"#, false),
        ])
    func register(_ json: String, _ isValid: Bool) {
        let message = RegisterMessage(json: ByteBuffer(string: json))
        #expect((message != nil) == isValid)
        if let message { #expect((message.token, message.event) == ("a", "b")) }
    }

    @Test("an exact key wins over one in another case")
    func exactKey() {
        #expect(RegisterMessage(json: ByteBuffer(string: #"{"TOKEN":"x","token":"a","event":"b"}"#))?.token == "a")
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
