public import Logging
package import MartletConfiguration

/// What is logged, and how.
public struct LogSettings: Sendable, Hashable {
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// For people.
        case text
        /// For programs: an object on each line.
        case json
    }

    /// Default: info.
    public var level = Logger.Level.info
    public var format = Format.text

    public init() {}

    package mutating func read(_ node: ConfigurationNode) throws {
        let members = try node.members(["level", "format"])
        var problems = ConfigurationProblems()
        problems.gather {
            try members.read("level", into: &self.level) { node in
                guard let level = Logger.Level(rawValue: try node.string()) else {
                    throw node.error("expected \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return level
            }
        }
        problems.gather {
            try members.read("format", into: &self.format) { node in
                guard let format = Format(rawValue: try node.string()) else {
                    throw node.error("expected text or json")
                }
                return format
            }
        }
        try problems.throwAll()
    }

    private static let text = LogOutput { StreamLogHandler(label: $0, stream: $1) }
    private static let json = LogOutput { label, stream in
        JSONLogHandler(label: label) { line in
            var stream = stream
            stream.write(line)
        }
    }

    /// To standard error, on a thread of its own; at most 1 MiB waits to be written.
    public func makeLogger(_ label: String) -> Logger {
        let output = self.format == .text ? Self.text : Self.json
        var logger = Logger(label: label) { output.handler(label: $0) }
        logger.logLevel = self.level
        return logger
    }
}
