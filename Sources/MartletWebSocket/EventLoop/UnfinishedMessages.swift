import MartletProtocol
import NIOCore

/// The messages of an event loop's connections that have begun and not ended. They have a time limit each, and a budget
/// of memory in common. Used on the event loop.
final class UnfinishedMessages {
    /// Bytes that the unfinished messages of one event loop may hold, and at least so many messages of the largest size.
    private static let budget = 32 << 20
    private static let leastMessages = 4
    private static let looksPerTimeout: Int64 = 4
    /// The bytes a second with which a message may take longer.
    private static let fairRate = 16 * 1024

    private struct Entry {
        let message: any UnfinishedMessage
        var mark: UInt32
        var since: NIODeadline
        var bytes: Int
    }

    private let eventLoop: any EventLoop
    private var entries: [ObjectIdentifier: Entry] = [:]
    private var bytes = 0
    private var timer: Scheduled<Void>?

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Notes what a connection holds after a read, as long as it holds anything.
    func note(_ message: any UnfinishedMessage) {
        let held = message.heldBytes
        let id = ObjectIdentifier(message)
        let before = self.entries[id]?.bytes ?? 0
        if self.entries[id] == nil {
            self.entries[id] = Entry(
                message: message, mark: message.messageMark, since: self.eventLoop.now, bytes: held)
            self.schedule(message.messageTimeout ?? .seconds(60))
        } else {
            self.entries[id]?.bytes = held
        }
        self.bytes += held - before
        let most = message.maximumMessageSize
        let budget = max(Self.budget, most > Int.max / Self.leastMessages ? .max : most * Self.leastMessages)
        while self.bytes > budget, self.entries.count > 1, let oldest = self.oldest {
            self.end(oldest, .tryAgainLater, "too many unfinished messages")
        }
    }

    /// Forgets a connection.
    func remove(_ message: any UnfinishedMessage) {
        guard let entry = self.entries.removeValue(forKey: ObjectIdentifier(message)) else { return }
        self.bytes -= entry.bytes
        message.isForgotten()
    }

    private var oldest: (any UnfinishedMessage)? { self.entries.values.min { $0.since < $1.since }?.message }

    private func end(_ message: any UnfinishedMessage, _ code: CloseCode, _ reason: String) {
        self.remove(message)
        message.giveUp(code, reason: reason)
    }

    private func schedule(_ timeout: TimeAmount) {
        guard self.timer == nil else { return }
        let pause = TimeAmount.nanoseconds(max(timeout.nanoseconds / Self.looksPerTimeout, 1_000_000))
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: pause) {
            self.timer = nil
            self.look()
        }
    }

    private func look() {
        let now = self.eventLoop.now
        var shortest: TimeAmount?
        for (id, entry) in self.entries {
            let message = entry.message
            guard message.isUnfinished else {
                self.remove(message)
                continue
            }
            let timeout = message.messageTimeout
            if message.messageMark != entry.mark {
                self.entries[id]?.mark = message.messageMark
                self.entries[id]?.since = now
            } else if let timeout, !message.isReadingPaused {
                let fair = Int64(message.receivedBytes / Self.fairRate)
                if now - entry.since >= timeout + .seconds(fair) {
                    self.end(message, .policyViolation, "a message did not end in time")
                    continue
                }
            }
            if let timeout { shortest = min(shortest ?? timeout, timeout) }
        }
        if !self.entries.isEmpty { self.schedule(shortest ?? .seconds(60)) }
    }
}
