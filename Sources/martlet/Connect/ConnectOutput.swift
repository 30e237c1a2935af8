import Foundation
import MartletWebSocket
import NIOCore

/// The output of `martlet connect`: messages, and notes about the connection.
struct ConnectOutput: Sendable {
    enum Format: Sendable {
        case plain
        /// Binary messages in base64, one a line.
        case base64
        /// Everything as JSON, one object a line.
        case jsonLines
    }

    /// One line of ``Format/jsonLines``.
    private struct Event: Encodable {
        var time = Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))
        /// `open`, `text`, `binary`, `pong` or `close`.
        let type: String
        /// The text, or binary in base64.
        var data: String?
        var code: Int?
        var reason: String?
        var clean: Bool?
        var milliseconds: Double?
        var subprotocol: String?
    }

    let format: Format
    /// The line editor; `nil` unless lines are typed at the same terminal.
    let editor: LineEditor?
    private let isColored: Bool

    init(format: Format, editor: LineEditor?) {
        self.format = format
        self.editor = editor
        // See no-color.org.
        self.isColored = Printable.isTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
    }

    func opened(_ socket: WebSocketConnection) {
        if self.format == .jsonLines { self.json(Event(type: "open", subprotocol: socket.subprotocol)) }
    }

    /// - Returns: whether the message could be written; a reader may have gone.
    func received(_ message: WebSocketMessage) -> Bool {
        switch (message, self.format) {
        case (.text(let text), .jsonLines): return self.json(Event(type: "text", data: text))
        case (.binary(let bytes), .jsonLines): return self.json(Event(type: "binary", data: Self.base64(bytes)))
        case (.binary(let bytes), .base64): return self.line(Self.base64(bytes))
        case (.text(let text), _) where Printable.isTerminal: return self.line(Printable.escape(text))
        case (.text(let text), _): return self.line(text)
        case (.binary(let bytes), .plain) where Printable.isTerminal:
            return self.line("(\(bytes.readableBytes) bytes)", color: "2")
        case (.binary(let bytes), .plain): return ServiceRunner.write(Data(bytes.readableBytesView))
        }
    }

    func pong(_ roundTrip: Duration) {
        let milliseconds = Double(roundTrip.components.attoseconds) / 1e15 + Double(roundTrip.components.seconds) * 1e3
        if self.format == .jsonLines {
            self.json(Event(type: "pong", milliseconds: milliseconds))
        } else {
            self.note("pong after \(String(format: "%.3f", milliseconds)) ms")
        }
    }

    func closed(_ information: WebSocketCloseInformation) {
        if self.format == .jsonLines {
            self.json(
                Event(
                    type: "close", code: Int(information.code.rawValue), reason: information.reason,
                    clean: information.isClean))
        } else {
            self.note("closed: \(Printable.escape("\(information)"))")
        }
    }

    /// Shows a note about the connection: on standard error, or above the line that is being typed.
    func note(_ text: String) {
        if let editor {
            editor.show(self.colored(text, "2"))
        } else {
            ServiceRunner.complain(text)
        }
    }

    @discardableResult
    private func json(_ event: Event) -> Bool {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(event) else { return true }
        return self.line(String(decoding: data, as: UTF8.self))
    }

    private func line(_ text: String, color: String = "36") -> Bool {
        if let editor {
            editor.show(self.colored(text, color))
            return true
        }
        return ServiceRunner.say(self.colored(text, color))
    }

    private func colored(_ text: String, _ color: String) -> String {
        self.isColored ? "\u{1b}[\(color)m\(text)\u{1b}[0m" : text
    }

    private static func base64(_ bytes: ByteBuffer) -> String { Data(bytes.readableBytesView).base64EncodedString() }
}
