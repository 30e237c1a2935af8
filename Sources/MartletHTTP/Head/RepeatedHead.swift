#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The head of a short request as its bytes, to recognise quickly that the next request has the same: back ends send
/// one head over and over, in which only the length of the body changes.
package struct RepeatedHead {
    /// The longest head in bytes that is kept.
    private static let longest = 2048
    private static let end: [UInt8] = Array("\r\n\r\n".utf8)
    private static let field: [UInt8] = Array("\ncontent-length:".utf8)

    /// The head up to the digits of the length.
    private let prefix: [UInt8]
    /// The head after the digits, with the empty line.
    private let suffix: [UInt8]
    /// The number of lines of the head, including the first.
    package let lineCount: Int

    /// - Parameter request: the bytes of one whole request, and nothing else; the result is `nil` if they are not that,
    ///   or have no `Content-Length`.
    package init?(_ request: UnsafeRawBufferPointer) {
        let start = request.prefix(Self.longest)
        guard let end = start.range(of: Self.end)?.upperBound else { return nil }
        let head = start[..<end]
        guard let field = head.range(of: Self.field),
            let first = head[field.upperBound...].firstIndex(where: { $0 != UInt8(ascii: " ") }),
            let length = Self.number(in: request, at: first), end + length.value == request.count
        else { return nil }
        self.prefix = Array(head[..<first])
        self.suffix = Array(head[(first + length.digits)...])
        self.lineCount = head.count { $0 == UInt8(ascii: "\n") } - 1
    }

    /// Returns the index of the body in a request with this head and nothing after its body; `nil` for all others.
    package func body(of request: UnsafeRawBufferPointer) -> Int? {
        guard request.count > self.prefix.count, Self.isEqual(request, 0, self.prefix),
            let length = Self.number(in: request, at: self.prefix.count)
        else { return nil }
        let suffix = self.prefix.count + length.digits
        let body = suffix + self.suffix.count
        guard request.count == body + length.value, Self.isEqual(request, suffix, self.suffix) else { return nil }
        return body
    }

    private static func isEqual(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ other: [UInt8]) -> Bool {
        guard bytes.count >= offset + other.count else { return false }
        return other.withUnsafeBytes { memcmp(bytes.baseAddress! + offset, $0.baseAddress!, other.count) == 0 }
    }

    /// Reads a number of up to seven digits.
    private static func number(in bytes: UnsafeRawBufferPointer, at start: Int) -> (value: Int, digits: Int)? {
        var value = 0
        var index = start
        while index < bytes.count, index - start < 7, case let digit = Int(bytes[index]) - 0x30, 0...9 ~= digit {
            value = value * 10 + digit
            index += 1
        }
        return index == start ? nil : (value, index - start)
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Returns the range of a text that is given in lower case; letters match in any case.
    fileprivate func range(of text: [UInt8]) -> Range<Int>? {
        guard self.count >= text.count else { return nil }
        for start in self.startIndex...(self.endIndex - text.count)
        where text.indices.allSatisfy({
            let byte = self[start + $0]
            return byte == text[$0] || (byte | 0x20 == text[$0] && (0x61...0x7A).contains(text[$0]))
        }) {
            return start..<(start + text.count)
        }
        return nil
    }
}
