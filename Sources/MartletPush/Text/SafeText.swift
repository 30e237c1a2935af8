/// Text from a stranger, made fit for a log or a terminal: its control characters could forge lines or take a terminal
/// over.
package enum SafeText {
    /// Characters of one value that a log line shows.
    package static let logLimit = 100

    /// Control and format characters as `\u{1b}`; line breaks and tabs too, since one message is one line.
    package static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// The same, cut to ``logLimit`` characters.
    package static func forLog(_ text: String) -> String {
        let cut = text.unicodeScalars.prefix(Self.logLimit)
        let isCut = cut.endIndex < text.unicodeScalars.endIndex
        return Self.escape(String(String.UnicodeScalarView(cut))) + (isCut ? "…" : "")
    }
}
