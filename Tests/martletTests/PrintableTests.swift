import MartletWebSocket
import NIOCore
import Testing

@testable import martlet

@Suite("Messages at a terminal")
struct PrintableTests {
    @Test(
        "what could take a terminal over is shown as what it is",
        arguments: [
            ("", ""), ("plain ÄÖ 日本 👍 e\u{301}", "plain ÄÖ 日本 👍 e\u{301}"), ("\u{1b}[2J", #"\u{1b}[2J"#),
            ("\u{9b}2J", #"\u{9b}2J"#),
            ("\u{1b}]0;x\u{7}", #"\u{1b}]0;x\u{7}"#), ("a\0b", #"a\u{0}b"#), ("\u{7f}\u{8}", #"\u{7f}\u{8}"#),
            ("a\u{85}b", #"a\u{85}b"#),
            // One message is one line.
            ("a\nb", #"a\u{a}b"#), ("a\r\nb", #"a\u{d}\u{a}b"#), ("a\tb", #"a\u{9}b"#),
            ("a\u{2028}b\u{2029}", #"a\u{2028}b\u{2029}"#),
            // Characters that turn the direction of a text around, and invisible ones.
            ("a\u{202e}b", #"a\u{202e}b"#), ("a\u{2066}b", #"a\u{2066}b"#),
            ("a\u{200b}b\u{feff}", #"a\u{200b}b\u{feff}"#),
            ("\u{e0041}", #"\u{e0041}"#),
            // A mark behind a control character hides it from no one.
            ("\u{1b}\u{301}x", "\\u{1b}\u{301}x"), (#"\u{1b}"#, #"\u{1b}"#), ("a b", "a b"),
        ])
    func escape(text: String, expected: String) {
        #expect(
            Printable.escape(text).unicodeScalars.elementsEqual(expected.unicodeScalars), "\(Printable.escape(text))")
    }

    @Test("nothing that controls a terminal comes through, wherever Unicode has it")
    func everyScalar() {
        for value in Array(UInt32(0)...0xFFFF) + Array(0xE0000...0xE0FFF) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let escaped = Printable.escape(String(Character(scalar)))
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                guard escaped != "\\u{\(String(value, radix: 16))}" else { continue }
                Issue.record("\(String(value, radix: 16)) comes through")
            default:
                guard !escaped.unicodeScalars.elementsEqual(CollectionOfOne(scalar)) else { continue }
                Issue.record("\(String(value, radix: 16)) does not")
            }
        }
    }

    @Test("a message is described on one line")
    func describe() {
        #expect(Printable.describe(.text("")) == "text ")
        #expect(Printable.describe(.text("a\n\u{1b}b")) == #"text a\u{a}\u{1b}b"#)
        #expect(Printable.describe(.binary(ByteBuffer())) == "binary 0 bytes")
        var bytes = ByteBuffer(string: "\u{1b}abc")
        bytes.moveReaderIndex(forwardBy: 1)
        #expect(Printable.describe(.binary(bytes)) == "binary 3 bytes")
    }
}
