/// Lists in headers (RFC 9110, section 5.6.1). They are read byte by byte: as a `Character`, a comma before a combining
/// mark is not a comma.
package enum HeaderList {
    /// Returns the elements of a list without the spaces around them; empty ones are left out. A comma in a quoted
    /// string separates nothing, unless the string is never closed: it would swallow all elements after it.
    ///
    /// - Parameter values: the values of the header, in order: several lines are one list.
    package static func elements(_ values: some Sequence<String>) -> [Substring] {
        values.flatMap { value -> [Substring] in
            let (elements, isClosed) = Self.split(value[...], at: UInt8(ascii: ","))
            return
                (isClosed
                ? elements : value.utf8.split(separator: UInt8(ascii: ",")).map { Self.trimmed(Substring($0)) })
                .filter { !$0.isEmpty }
        }
    }

    /// Splits a text outside of quoted strings (section 5.6.4), and removes spaces and tabs around the parts.
    ///
    /// - Returns: the parts, and whether the last quoted string is closed.
    package static func split(_ text: Substring, at separator: UInt8) -> (parts: [Substring], isClosed: Bool) {
        var parts: [Substring] = []
        var isQuoted = false
        var isEscaped = false
        var start = text.startIndex
        for index in text.utf8.indices {
            let byte = text.utf8[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if !isQuoted, byte == separator {
                parts.append(text[start..<index])
                start = text.utf8.index(after: index)
            }
        }
        parts.append(text[start...])
        return (parts.map(Self.trimmed), !isQuoted)
    }

    /// Returns a text without the spaces and tabs around it (section 5.6.3).
    package static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return Substring(bytes)
    }
}
