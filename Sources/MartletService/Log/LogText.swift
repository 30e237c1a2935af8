/// Text in a log line. Whatever a value holds, it may be a stranger's: it is cut, and what could forge a line, turn its
/// direction, or take a terminal over is escaped.
enum LogText {
    /// Bytes of one value that are shown, and of a reason or an error, which the program writes itself.
    static let valueLimit = 256
    static let reasonLimit = 2048
    private static let reasons: Set<String> = ["reason", "error", "detail"]

    /// Returns a value as the log shows it, without the quotes and escapes of a format.
    static func cut(_ text: String, name: String) -> String {
        let limit = Self.reasons.contains(name) ? Self.reasonLimit : Self.valueLimit
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: limit)
        while !Self.isBoundary(text.utf8[end]) { end = text.utf8.index(before: end) }
        return text[..<end] + "… (\(text.utf8.count) bytes)"
    }

    /// Whether a byte begins a scalar.
    private static func isBoundary(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }

    /// Whether a scalar is to be escaped: control and format characters, and ends of lines.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x7F else { return scalar.value < 0x20 }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}
