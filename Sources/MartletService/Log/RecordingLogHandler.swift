package import Logging
import MartletWebSocket

/// Hands log records on to another handler, and keeps those that tell of something wrong.
package struct RecordingLogHandler: LogHandler {
    private var handler: any LogHandler
    package let records: RecentLogRecords

    package init(_ handler: any LogHandler, into records: RecentLogRecords) {
        self.handler = handler
        self.records = records
    }

    package var logLevel: Logger.Level {
        get { self.handler.logLevel }
        set { self.handler.logLevel = newValue }
    }

    package var metadata: Logger.Metadata {
        get { self.handler.metadata }
        set { self.handler.metadata = newValue }
    }

    package var metadataProvider: Logger.MetadataProvider? {
        get { self.handler.metadataProvider }
        set { self.handler.metadataProvider = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.handler[metadataKey: key] }
        set { self.handler[metadataKey: key] = newValue }
    }

    package func log(event: LogEvent) {
        self.handler.log(event: event)
        guard event.level >= .warning else { return }
        let metadata = event.metadata(over: self.handler.metadata)
        let text = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        self.records.add(event.level, event.message.description, text, at: UTCTime.now())
    }
}
