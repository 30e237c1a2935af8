import Logging
import MartletHTTP

/// A `LogThrottle` counts lines that repeat: refusals of one kind from one address. The first is logged, and what
/// follows within a time is one line with their number. A pure state; the caller has the clock.
struct LogThrottle {
    struct Key: Hashable {
        let message: String
        let address: String
        let reason: String

        /// - Returns: `nil` for a line that is never left out: only those of a client with a reason are.
        init?(_ event: LogEvent) {
            guard event.level < .error, let metadata = event.metadata, let address = metadata["address"],
                let reason = metadata["reason"] ?? metadata["error"]
            else { return nil }
            self.message = event.message.description
            self.address = HostAndPort.split(address.description)?.host ?? address.description
            self.reason = reason.description
        }
    }

    /// Lines that are remembered; more at once are each logged.
    static let limit = 4096

    private var counts: [Key: Int] = [:]

    enum Action: Hashable {
        /// The line is logged, and ``end(_:)`` is called after a time.
        case logAndWait
        case log
        case leaveOut
    }

    mutating func note(_ key: Key) -> Action {
        guard let count = self.counts[key] else {
            guard self.counts.count < Self.limit else { return .log }
            self.counts[key] = 0
            return .logAndWait
        }
        self.counts[key] = count + 1
        return .leaveOut
    }

    /// Ends the time of a line.
    ///
    /// - Returns: the number of lines that were left out; if there were any, another time begins.
    mutating func end(_ key: Key) -> Int {
        guard let count = self.counts[key], count > 0 else {
            self.counts[key] = nil
            return 0
        }
        self.counts[key] = 0
        return count
    }
}
