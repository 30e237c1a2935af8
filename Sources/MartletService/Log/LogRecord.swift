package import Logging

/// A record of the log, as operators are shown it.
package struct LogRecord: Sendable, Hashable {
    /// The time of the latest, in nanoseconds since 1970.
    package internal(set) var time: Int64
    package let level: Logger.Level
    package let message: String
    /// The metadata of the latest: `key=value`, separated by blanks.
    package internal(set) var metadata: String
    /// The number of such records in a row.
    package internal(set) var count = 1
}
