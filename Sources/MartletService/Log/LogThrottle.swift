import Logging
import MartletHTTP

/// A `LogThrottle` counts lines that repeat: refusals of one kind from one address. The first is logged, and what
/// follows within a time is one line with their number. A pure state; the caller has the clock.
struct LogThrottle {
    struct Key: Hashable {
        let message: String
        let address: String
        let reason: String

        /// The lines beyond those that are remembered.
        static let others = Key(message: "", address: "", reason: "")

        private init(message: String, address: String, reason: String) {
            self.message = message
            self.address = address
            self.reason = reason
        }

        /// - Returns: `nil` for a line that is never left out: only those of a client with a reason are.
        init?(_ event: LogEvent) {
            guard event.level < .error, let metadata = event.metadata, let address = metadata["address"],
                let reason = metadata["reason"] ?? metadata["error"]
            else { return nil }
            self.message = event.message.description
            let host = HostAndPort.split(address.description)?.host ?? address.description
            // A client has a whole /64 network of IPv6.
            self.address = IPNetwork.client(host)
            self.reason = reason.description
        }
    }

    /// Lines that are remembered; more at once count as one.
    static let limit = 4096

    private var counts: [Key: Int] = [:]

    enum Action: Hashable {
        /// The line is logged, and ``end(_:)`` is called with the key after a time.
        case logAndWait(Key)
        case leaveOut
    }

    mutating func note(_ key: Key) -> Action {
        let key = self.counts[key] == nil && self.counts.count >= Self.limit ? .others : key
        guard let count = self.counts[key] else {
            self.counts[key] = 0
            return .logAndWait(key)
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
