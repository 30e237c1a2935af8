import Foundation
import Logging
import MartletServer

/// The standard output of a service: sentences for people or, when the format of the log is JSON, lines like those of
/// the log, so that programs understand all that a service writes.
struct ServiceOutput: Sendable {
    private let logger: Logger?

    init(_ settings: LogSettings, label: String) {
        guard settings.format == .json else {
            self.logger = nil
            return
        }
        self.logger = Logger(label: label) { label in
            JSONLogHandler(label: label) { line in ServiceRunner.write(Data(line.utf8)) }
        }
    }

    /// - Parameters:
    ///   - text: the sentence for people.
    ///   - message: the message of the line for programs.
    func say(_ text: String, _ message: Logger.Message, _ metadata: Logger.Metadata) {
        if let logger {
            logger.info(message, metadata: metadata)
        } else {
            ServiceRunner.say(text)
        }
    }
}
