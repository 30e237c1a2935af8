import Testing

@testable import MartletProtocol

@Suite("UTF-8 validator")
struct UTF8ValidatorTests {
    private static func isValid(_ pieces: [[UInt8]]) -> Bool {
        var validator = UTF8Validator()
        for piece in pieces {
            guard piece.withUnsafeBytes({ validator.consume($0) }) else { return false }
        }
        return validator.isAtCharacterBoundary
    }

    @Test("every sequence of one and two bytes is judged as by the standard library")
    func oneAndTwoBytes() {
        for first in UInt8.min ... .max {
            #expect(Self.isValid([[first]]) == (String(validating: [first], as: UTF8.self) != nil))
            for second in UInt8.min ... .max {
                let bytes = [first, second]
                #expect(Self.isValid([bytes]) == (String(validating: bytes, as: UTF8.self) != nil))
            }
        }
    }

    @Test("sequences of three and four bytes at every border are judged as by the standard library")
    func longSequences() {
        let borders: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xED, 0xFF]
        for first in UInt8(0xE0)...0xFF {
            for second in borders {
                for third in borders {
                    #expect(
                        Self.isValid([[first, second, third]])
                            == (String(validating: [first, second, third], as: UTF8.self) != nil))
                    for fourth in borders {
                        let bytes = [first, second, third, fourth]
                        #expect(Self.isValid([bytes]) == (String(validating: bytes, as: UTF8.self) != nil))
                    }
                }
            }
        }
    }

    @Test("a bad byte is found at every position of a long text, wherever the text is cut")
    func badByteAtEveryPosition() {
        let text = Array("The quick brown fox – zwölf Boxkämpfer, 😀 jagen Viktor quer über den Sylter Deich".utf8)
        #expect(Self.isValid([text]))
        for position in text.indices {
            var bad = text
            bad[position] = 0xFF
            #expect(!Self.isValid([bad]))
            #expect(!Self.isValid([Array(bad[..<position]), Array(bad[position...])]))
            #expect(Self.isValid([Array(text[..<position]), Array(text[position...])]))
        }
    }

    @Test("the byte that makes a text impossible is refused when it comes, not at the end")
    func failsAtTheByte() {
        var validator = UTF8Validator()
        let first = [UInt8]([0xF4]).withUnsafeBytes { validator.consume($0) }
        let second = [UInt8]([0x90]).withUnsafeBytes { validator.consume($0) }
        #expect(first)
        #expect(!second)
    }
}
