import MartletProtocol
import NIOCore

/// The messages of an event loop's connections that have begun and not ended. They have a time limit each, and a budget
/// of memory in common. Used on the event loop.
final class UnfinishedMessages {
    /// Bytes that the unfinished messages of one event loop may hold, and at least so many messages of the largest size.
    private static let budget = 32 << 20
    private static let leastMessages = 4
    private static let looksPerTimeout: Int64 = 4
    /// Whoever sends as many bytes a second may take longer.
    private static let fairRate = 16 * 1024

    private struct Entry {
        let socket: WebSocket
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
    func note(_ socket: WebSocket) {
        let (mark, held) = (socket.core.decoder.messageMark, socket.core.decoder.heldBytes)
        let id = ObjectIdentifier(socket)
        let before = self.entries[id]?.bytes ?? 0
        if self.entries[id] == nil {
            self.entries[id] = Entry(socket: socket, mark: mark, since: self.eventLoop.now, bytes: held)
            self.schedule(socket.configuration.messageTimeout ?? .seconds(60))
        } else {
            self.entries[id]?.bytes = held
        }
        self.bytes += held - before
        let most = socket.configuration.limits.maximumMessageSize
        let budget = max(Self.budget, most > Int.max / Self.leastMessages ? .max : most * Self.leastMessages)
        while self.bytes > budget, self.entries.count > 1, let oldest = self.oldest {
            self.end(oldest, .tryAgainLater, "too many unfinished messages")
        }
    }

    /// Forgets a connection.
    func remove(_ socket: WebSocket) {
        guard let entry = self.entries.removeValue(forKey: ObjectIdentifier(socket)) else { return }
        self.bytes -= entry.bytes
        socket.hasUnfinished = false
    }

    private var oldest: WebSocket? { self.entries.values.min { $0.since < $1.since }?.socket }

    private func end(_ socket: WebSocket, _ code: CloseCode, _ reason: String) {
        self.remove(socket)
        socket.giveUp(code, reason: reason)
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
            let socket = entry.socket
            guard socket.core.decoder.isUnfinished, socket.isOpen else {
                self.remove(socket)
                continue
            }
            let timeout = socket.configuration.messageTimeout
            let mark = socket.core.decoder.messageMark
            if mark != entry.mark {
                self.entries[id]?.mark = mark
                self.entries[id]?.since = now
            } else if let timeout, !socket.core.input.isPaused {
                let fair = Int64(socket.core.decoder.receivedBytes / Self.fairRate)
                if now - entry.since >= timeout + .seconds(fair) {
                    self.end(socket, .policyViolation, "a message did not end in time")
                    continue
                }
            }
            if let timeout { shortest = min(shortest ?? timeout, timeout) }
        }
        if !self.entries.isEmpty { self.schedule(shortest ?? .seconds(60)) }
    }
}
