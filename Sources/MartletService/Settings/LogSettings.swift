public import Logging
package import MartletConfiguration

/// The settings of the log: the lowest level, and the format.
public struct LogSettings: Sendable, Hashable {
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// Lines for people.
        case text
        /// An object on each line, for programs.
        case json
    }

    /// The lowest level that is logged. Default: info.
    public var level = Logger.Level.info
    /// The format of the lines. Default: text.
    public var format = Format.text

    public init() {}

    package static let settings: [Setting<LogSettings>] = [
        .fixed(
            "log.level", \.level, .choice("level", Logger.Level.allCases.map { ($0.rawValue, $0) }),
            "The lowest level that is logged: trace, debug, info, notice, warning, error or critical."),
        .fixed(
            "log.format", \.format, .choice("format", Format.allCases.map { ($0.rawValue, $0) }),
            "The format of log lines: `text`, or `json`, an object on each line."),
    ]

    private static let text = LogOutput { label, stream in
        ThrottledLogHandler(
            TextLogHandler(label: label) { line in
                var stream = stream
                stream.write(line)
            })
    }
    private static let json = LogOutput { label, stream in
        ThrottledLogHandler(
            JSONLogHandler(label: label) { line in
                var stream = stream
                stream.write(line)
            })
    }

    /// Makes a logger to standard error, which a thread of its own writes; at most 1 MiB waits to be written.
    public func makeLogger(_ label: String) -> Logger {
        let output = self.format == .text ? Self.text : Self.json
        var logger = Logger(label: label) { output.handler(label: $0) }
        logger.logLevel = self.level
        return logger
    }
}
