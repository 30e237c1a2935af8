/// The `for` parameters of `Forwarded` headers (RFC 7239, section 4), the first client first, without quotes.
///
/// What a client wrote stands before what trusted proxies added, in the same header: it shall not hide what follows it.
enum ForwardedNodes {
    /// - Returns: a node for each element; `unknown` where it names none.
    static func parse(_ values: [String]) -> [String] { values.flatMap(Self.parse) }

    private static func parse(_ value: String) -> [String] {
        let (elements, isClosed) = Self.split(value[...], at: UInt8(ascii: ","))
        // A quote that is never closed would swallow all elements behind it.
        let parts = isClosed ? elements : value.split(separator: ",").map(Self.trimmed)
        return parts.filter { !$0.isEmpty }.map { element in
            for pair in Self.split(element, at: UInt8(ascii: ";")).parts {
                guard let equals = pair.firstIndex(of: "="), pair[..<equals].lowercased() == "for" else { continue }
                return Self.unquoted(pair[pair.index(after: equals)...])
            }
            return "unknown"
        }
    }

    /// Splits outside of quoted strings, and takes blanks around the parts away.
    ///
    /// - Returns: whether the last quoted string is closed, too.
    private static func split(_ text: Substring, at separator: UInt8) -> (parts: [Substring], isClosed: Bool) {
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

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return String(text) }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}
