package import Logging
import MartletWebSocket

/// Writes an object on each line: `time`, `level`, `label`, `message`, and the metadata's names beside
/// them. A name that is taken gets an underscore.
package struct JSONLogHandler: LogHandler {
    private static let reserved: Set<String> = ["time", "level", "label", "message"]
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
        var line = "{\"time\":\"\(UTCTime.iso8601(UTCTime.now()))\",\"level\":\"\(event.level.rawValue)\""
        line += ",\"label\":\(Self.quote(self.label)),\"message\":\(Self.quote(event.message.description))"
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += ",\(Self.quote(Self.reserved.contains(name) ? name + "_" : name)):\(Self.json(of: value, name))"
        }
        self.write(line + "}\n")
    }

    private static func json(of value: Logger.Metadata.Value, _ name: String) -> String {
        switch value {
        case .string(let text): self.quote(LogText.cut(text, name: name))
        case .stringConvertible(let value): self.quote(LogText.cut(value.description, name: name))
        case .array(let values): "[" + values.map { self.json(of: $0, name) }.joined(separator: ",") + "]"
        case .dictionary(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\(self.quote($0)):\(self.json(of: $1, $0))" }
                .joined(separator: ",") + "}"
        }
    }

    private static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where LogText.isUnsafe(scalar):
                for unit in UTF16.encode(scalar)! {
                    let digits = String(unit, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
