package import Logging
import MartletWebSocket

/// Writes a line for people: `TIME LEVEL LABEL: name=value name="a value" [MODULE] MESSAGE`. Values with blanks, quotes
/// or `=` are quoted, so that none can be taken for another field.
package struct TextLogHandler: LogHandler {
    package let label: String
    package var logLevel = Logger.Level.info
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let write: @Sendable (String) -> Void

    /// - Parameter write: takes a line with its end.
    package init(label: String, write: @escaping @Sendable (String) -> Void) {
        self.label = label
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let metadata = event.metadata(over: self.metadata, self.metadataProvider)
        var line = "\(UTCTime.iso8601(UTCTime.now())) \(event.level.rawValue) \(self.label):"
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(name)=\(Self.text(of: LogText.cut(value.description, name: name)))"
        }
        self.write("\(line) [\(event.source)] \(Self.escaped(event.message.description))\n")
    }

    private static func text(of value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                $0 != " " && $0 != "=" && $0 != "\"" && $0 != "\\" && !LogText.isUnsafe($0)
            }
        return isPlain ? value : "\"\(Self.escaped(value, quotes: true))\""
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where quotes, "\\" where quotes: escaped += "\\\(scalar)"
            case "\n": escaped += "\\n"
            case "\r": escaped += "\\r"
            case "\t": escaped += "\\t"
            case _ where LogText.isUnsafe(scalar): escaped += "\\u{\(String(scalar.value, radix: 16))}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
