import ArgumentParser
import Logging
import MartletServer

/// Tells people what is wrong or old in the settings of a command.
enum SettingsCheck {
    /// Shows the usage of a command beside mistakes on its command line. Other mistakes are told when it runs.
    static func usage(_ read: () throws -> some Any) throws {
        do {
            _ = try read()
        } catch let error as ServerError where error.code == .usage {
            throw ValidationError(error.reason)
        } catch {
            // It is not a mistake of the command line.
        }
    }

    /// Logs remarks on settings: old names, variables of other commands, what replaces what.
    static func tell(_ warnings: [String], _ logger: Logger) {
        for warning in warnings { logger.warning("a setting should be changed", metadata: ["setting": "\(warning)"]) }
    }

    /// Logs changes of settings that are not live.
    static func tellWaiting(_ keys: [String], _ logger: Logger) {
        for key in keys { logger.warning("this change waits for a restart", metadata: ["key": "\(key)"]) }
    }
}
