import MartletProtocol
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A fast reader for the strings of a JSON object that is as simple as nearly all are: strings alone, each name once
/// and spelt as expected, no `\u`. Anything else is left to ``JSONObject``, which is slower.
struct PlainStrings {
    /// The values, in the order of the names; empty where nothing was read yet.
    private(set) var values: [String]
    private var bytes: UnsafeRawBufferPointer
    private var index = 0

    /// - Returns: `nil` for what is not that simple; the values otherwise, all there and none empty.
    static func read(_ json: ByteBuffer, names: [StaticString]) -> [String]? {
        json.withUnsafeReadableBytes { bytes in
            var reader = PlainStrings(values: Array(repeating: "", count: names.count), bytes: bytes)
            guard reader.read(names), !reader.values.contains(where: \.isEmpty) else { return nil }
            return reader.values
        }
    }

    private mutating func read(_ names: [StaticString]) -> Bool {
        guard self.take(UInt8(ascii: "{")) else { return false }
        repeat {
            guard self.take(UInt8(ascii: "\"")), let place = self.takeName(names), self.values[place].isEmpty,
                self.take(UInt8(ascii: ":")), self.take(UInt8(ascii: "\"")), let value = self.takeString(),
                !value.isEmpty
            else { return false }
            self.values[place] = value
        } while self.take(UInt8(ascii: ","))
        guard self.take(UInt8(ascii: "}")) else { return false }
        self.skipBlanks()
        return self.index == self.bytes.count
    }

    private mutating func skipBlanks() {
        while self.index < self.bytes.count {
            switch self.bytes[self.index] {
            case 0x20, 0x09, 0x0A, 0x0D: self.index += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        self.skipBlanks()
        guard self.index < self.bytes.count, self.bytes[self.index] == byte else { return false }
        self.index += 1
        return true
    }

    /// Takes a name behind its opening quote, and returns its index.
    private mutating func takeName(_ names: [StaticString]) -> Int? {
        for place in names.indices {
            let name = names[place]
            let end = self.index + name.utf8CodeUnitCount
            guard end < self.bytes.count, self.bytes[end] == UInt8(ascii: "\""),
                memcmp(self.bytes.baseAddress! + self.index, name.utf8Start, name.utf8CodeUnitCount) == 0
            else { continue }
            self.index = end + 1
            return place
        }
        return nil
    }

    /// Takes a string behind its opening quote.
    private mutating func takeString() -> String? {
        let start = self.index
        var escapes = 0
        while true {
            self.skipPlain()
            guard self.index < self.bytes.count else { return nil }
            switch self.bytes[self.index] {
            case UInt8(ascii: "\""):
                let text = UnsafeRawBufferPointer(rebasing: self.bytes[start..<self.index])
                self.index += 1
                // Escapes stand for ASCII: they make nothing well-formed, or ill-formed.
                var validator = UTF8Validator()
                guard validator.consume(text), validator.isAtCharacterBoundary else { return nil }
                return escapes == 0
                    ? String(decoding: text, as: UTF8.self)
                    : String(decoding: Self.unescaped(text, count: text.count - escapes), as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard self.index + 1 < self.bytes.count, Self.unescaped(self.bytes[self.index + 1]) != nil else {
                    return nil
                }
                escapes += 1
                self.index += 2
            case 0..<0x20: return nil
            default: self.index += 1
            }
        }
    }

    /// Goes past eight bytes at a time that are no quote, no backslash and no control character.
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let (quotes, backslashes) = (ones &* UInt64(UInt8(ascii: "\"")), ones &* UInt64(UInt8(ascii: "\\")))
        while self.index + 8 <= self.bytes.count {
            let block = self.bytes.loadUnaligned(fromByteOffset: self.index, as: UInt64.self)
            let (quote, backslash) = (block ^ quotes, block ^ backslashes)
            // A byte from which too much is taken away shows in its highest bit.
            let found =
                (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (block &- ones &* 0x20) & ~block
            guard found & (ones &* 0x80) == 0 else { return }
            self.index += 8
        }
    }

    private static func unescaped(_ text: UnsafeRawBufferPointer, count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\\"), let byte = Self.unescaped(text[index + 1]) {
                result.append(byte)
                index += 2
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// Returns the byte that an escape stands for (RFC 8259, section 7, without `\u`); `nil` for what is not an escape.
    private static func unescaped(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }
}
