import Foundation
import MartletPush
import MartletWebSocket
import NIOCore

/// Messages as they may be shown on a terminal: a stranger's control characters could otherwise take it over.
enum Printable {
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    static func escape(_ text: String) -> String { SafeText.escape(text) }

    /// The type and the message, on one line.
    static func describe(_ message: WebSocketMessage) -> String {
        switch message {
        case .text(let text): "text \(SafeText.escape(text))"
        case .binary(let bytes): "binary \(bytes.readableBytes) bytes"
        }
    }
}
