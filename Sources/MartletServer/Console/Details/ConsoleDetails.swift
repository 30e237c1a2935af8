import Logging
import MartletConfiguration
import MartletPush
import MartletService

/// The part of the overview for those who may also see the sessions: names of channels, lines of the log, settings.
struct ConsoleDetails: Encodable {
    struct Record: Encodable {
        /// The time of the latest, in seconds since 1970.
        let time: Double
        let level: String
        let message: String
        let metadata: String
        let count: Int
    }

    struct Setting: Encodable {
        let key: String
        let value: String
        /// The place where it was said; `nil` for a default.
        let place: String?
        let isLive: Bool
    }

    let channels: TopChannels
    let records: [Record]
    let settings: [Setting]

    init(_ channels: TopChannels, _ records: RecentLogRecords, _ configuration: PushServerConfiguration) {
        self.channels = channels
        self.records = records.latest.map {
            Record(
                time: Double($0.time / 1_000_000) / 1000, level: $0.level.rawValue, message: $0.message,
                metadata: $0.metadata, count: $0.count)
        }
        let settings =
            configuration.settings.isEmpty
            ? PushServerConfiguration.table.values(of: configuration) : configuration.settings
        self.settings = settings.map {
            Setting(key: $0.path, value: $0.text, place: $0.place, isLive: $0.isLive)
        }
    }
}
