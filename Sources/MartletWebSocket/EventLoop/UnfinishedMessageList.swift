import NIOCore

/// The messages that ``UnfinishedMessages`` watches over: what they hold, and since when nothing of them came to an
/// end. A pure state; the caller has the clock, and ends the connections.
struct UnfinishedMessageList {
    /// Bytes that the unfinished messages of one event loop may hold.
    static let budget = 32 << 20
    /// The messages of the largest size that they may hold at least.
    static let leastMessages = 4
    /// The bytes a second with which a message may take longer.
    static let fairRate = 16 * 1024
    private static let looksPerTimeout: Int64 = 4

    private struct Entry {
        let message: any UnfinishedMessage
        var mark: UInt32
        var since: NIODeadline
        var bytes: Int
    }

    /// The messages; some have ended since the last look.
    private var entries: [ObjectIdentifier: Entry] = [:]
    private(set) var bytes = 0
    /// The greatest size that one of the messages may have; no less since the last look.
    private var largestSize = 0

    var count: Int { self.entries.count }

    private var budget: Int {
        let (bytes, overflow) = self.largestSize.multipliedReportingOverflow(by: Self.leastMessages)
        return overflow ? .max : max(Self.budget, bytes)
    }

    /// Returns the time after which to look again because of a message.
    static func pause(for message: any UnfinishedMessage) -> TimeAmount {
        let timeout = message.messageTimeout ?? .seconds(60)
        return .nanoseconds(max(timeout.nanoseconds / Self.looksPerTimeout, 1_000_000))
    }

    /// Returns the time after which to look again; `nil` if there is nothing to look at.
    var pause: TimeAmount? { self.entries.values.lazy.map { Self.pause(for: $0.message) }.min() }

    func contains(_ message: any UnfinishedMessage) -> Bool { self.entries[ObjectIdentifier(message)] != nil }

    /// Notes what a message holds.
    ///
    /// - Returns: the messages to give up, for room; they are watched no more.
    mutating func note(_ message: any UnfinishedMessage, at now: () -> NIODeadline) -> [any UnfinishedMessage] {
        let id = ObjectIdentifier(message)
        let held = message.heldBytes
        if let entry = self.entries[id] {
            self.bytes += held - entry.bytes
            self.entries[id]?.bytes = held
        } else {
            self.entries[id] = Entry(message: message, mark: message.messageMark, since: now(), bytes: held)
            self.bytes += held
            self.largestSize = max(self.largestSize, message.maximumMessageSize)
        }
        return self.bytes > self.budget ? self.makeRoom() : []
    }

    /// Forgets a message.
    mutating func remove(_ message: any UnfinishedMessage) {
        guard let entry = self.entries.removeValue(forKey: ObjectIdentifier(message)) else { return }
        self.bytes -= entry.bytes
        message.isForgotten()
    }

    /// Notes that this end reads again. The time of the message begins anew, since the pause was not its sender's.
    mutating func resumed(_ message: any UnfinishedMessage, at now: NIODeadline) {
        self.entries[ObjectIdentifier(message)]?.since = now
    }

    /// Takes those that hold the most, until the others are within the budget.
    private mutating func makeRoom() -> [any UnfinishedMessage] {
        self.refresh()
        guard self.bytes > self.budget else { return [] }
        var holders = self.entries.values.filter { $0.bytes > 0 }
        holders.sort { $0.bytes == $1.bytes ? $0.since > $1.since : $0.bytes < $1.bytes }
        var taken: [any UnfinishedMessage] = []
        while self.bytes > self.budget, holders.count > 1, let largest = holders.popLast() {
            self.remove(largest.message)
            taken.append(largest.message)
        }
        return taken
    }

    /// Forgets messages that have ended, and looks what the others hold now.
    private mutating func refresh() {
        self.largestSize = 0
        for (id, entry) in self.entries {
            guard entry.message.isUnfinished else {
                self.remove(entry.message)
                continue
            }
            let held = entry.message.heldBytes
            self.bytes += held - entry.bytes
            self.entries[id]?.bytes = held
            self.largestSize = max(self.largestSize, entry.message.maximumMessageSize)
        }
    }

    /// Looks at all messages.
    ///
    /// - Returns: the messages that did not end in time; they are watched no more.
    mutating func look(at now: NIODeadline) -> [any UnfinishedMessage] {
        self.refresh()
        var late: [any UnfinishedMessage] = []
        for (id, entry) in self.entries {
            let message = entry.message
            if message.messageMark != entry.mark || message.isReadingPaused {
                self.entries[id]?.mark = message.messageMark
                self.entries[id]?.since = now
            } else if let timeout = message.messageTimeout {
                let fair = TimeAmount.seconds(Int64(message.receivedBytes / Self.fairRate))
                if now - entry.since >= timeout + fair { late.append(message) }
            }
        }
        for message in late { self.remove(message) }
        return late
    }
}
