import Logging
import Testing

@testable import MartletService

@Suite("Recent log records")
struct RecentLogRecordsTests {
    private static func logger(into records: RecentLogRecords) -> Logger {
        var logger = records.recording(Logger(label: "test") { JSONLogHandler(label: $0) { _ in } })
        logger.logLevel = .trace
        return logger
    }

    @Test("warnings and errors are kept with their metadata, the latest first")
    func levels() {
        let records = RecentLogRecords()
        var logger = Self.logger(into: records)
        logger[metadataKey: "node"] = "a"
        logger.info("nothing of note")
        logger.warning("a warning", metadata: ["code": "7"])
        logger.error("an error")
        #expect(records.latest.map(\.message) == ["an error", "a warning"])
        #expect(records.latest.map(\.level) == [.error, .warning])
        #expect(records.latest.map(\.metadata) == ["node=a", "code=7 node=a"])
    }

    @Test("the same again and again is one record with a number")
    func repetition() {
        let records = RecentLogRecords()
        records.add(.warning, "again", "a=1", at: 1)
        records.add(.warning, "again", "a=2", at: 2)
        records.add(.error, "again", "a=3", at: 3)
        #expect(records.latest.map(\.count) == [1, 2])
        #expect(records.latest.last?.metadata == "a=2" && records.latest.last?.time == 2)
    }

    @Test("memory has a limit, whatever is logged")
    func limit() {
        let records = RecentLogRecords()
        let long = String(repeating: "x", count: 10_000)
        for number in 0..<200 { records.add(.error, "\(number)\(long)", long, at: 0) }
        #expect(records.latest.count == RecentLogRecords.capacity)
        #expect(records.latest.allSatisfy { $0.message.count <= RecentLogRecords.longestText + 1 })
        #expect(records.latest.allSatisfy { $0.metadata.count <= RecentLogRecords.longestText + 1 })
    }
}
