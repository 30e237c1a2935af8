package import Logging
import MartletWebSocket

/// Hands log records on to another handler, and keeps those that tell of something wrong.
package struct RecordingLogHandler: ForwardingLogHandler {
    package var inner: any LogHandler
    package let records: RecentLogRecords

    package init(_ inner: any LogHandler, into records: RecentLogRecords) {
        self.inner = inner
        self.records = records
    }

    package func log(event: LogEvent) {
        self.inner.log(event: event)
        guard event.level >= .warning else { return }
        let metadata = event.metadata(over: self.inner.metadata)
        let text = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        self.records.add(event.level, event.message.description, text, at: UTCTime.now())
    }
}
