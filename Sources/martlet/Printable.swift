import Foundation
import MartletWebSocket
import NIOCore

/// Messages as they may be shown on a terminal: a stranger's control characters could otherwise take it over.
enum Printable {
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// The type and the message, on one line.
    static func describe(_ message: WebSocketMessage) -> String {
        switch message {
        case .text(let text): "text \(Self.escape(text))"
        case .binary(let bytes): "binary \(bytes.readableBytes) bytes"
        }
    }

    /// Control characters as `\u{1b}`; line breaks and tabs too, since one message is one line.
    static func escape(_ text: String) -> String {
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
}
