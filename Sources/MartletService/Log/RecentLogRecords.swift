package import Logging
import Synchronization

/// The last records of a log that tell of something wrong, in fixed memory. Safe to use from any thread.
package final class RecentLogRecords: Sendable {
    /// Records that are kept.
    package static let capacity = 50
    /// Characters that are kept of a message, and of its metadata.
    static let longestText = 300

    private let records = Mutex<[LogRecord]>([])

    package init() {}

    /// The records, the latest first.
    package var latest: [LogRecord] { self.records.withLock { $0.reversed() } }

    /// Returns a logger that logs as another one does, and whose warnings and errors are kept here.
    package func recording(_ logger: Logger) -> Logger {
        var recorded = logger
        recorded.handler = RecordingLogHandler(logger.handler, into: self)
        return recorded
    }

    /// - Parameter time: nanoseconds since 1970.
    func add(_ level: Logger.Level, _ message: String, _ metadata: String, at time: Int64) {
        let (message, metadata) = (Self.cut(message), Self.cut(metadata))
        self.records.withLock { records in
            // The same again and again must not push out what else happened.
            if let last = records.indices.last, records[last].level == level, records[last].message == message {
                records[last].count += 1
                records[last].time = time
                records[last].metadata = metadata
                return
            }
            if records.count == Self.capacity { records.removeFirst() }
            records.append(LogRecord(time: time, level: level, message: message, metadata: metadata))
        }
    }

    private static func cut(_ text: String) -> String {
        let cut = text.unicodeScalars.prefix(Self.longestText)
        guard cut.endIndex < text.unicodeScalars.endIndex else { return text }
        return String(String.UnicodeScalarView(cut)) + "…"
    }
}
