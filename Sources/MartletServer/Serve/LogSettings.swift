public import Logging
import MartletConfiguration

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

    mutating func read(_ node: ConfigurationNode) throws {
        let members = try node.members(["level", "format"])
        try members.read("level", into: &self.level) { node in
            guard let level = Logger.Level(rawValue: try node.string()) else {
                throw node.error("expected \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return level
        }
        try members.read("format", into: &self.format) { node in
            guard let format = Format(rawValue: try node.string()) else { throw node.error("expected text or json") }
            return format
        }
    }

    /// To standard error.
    public func makeLogger(_ label: String) -> Logger {
        var logger = Logger(label: label) { label in
            switch self.format {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler(label: label)
            }
        }
        logger.logLevel = self.level
        return logger
    }
}
