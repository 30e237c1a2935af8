import MartletProtocol
import NIOCore

/// The messages of an event loop's connections that have begun and not ended. They have a time limit each, and a budget
/// of memory in common. Used on the event loop.
final class UnfinishedMessages {
    private let eventLoop: any EventLoop
    private var list = UnfinishedMessageList()
    private var timer: (task: Scheduled<Void>, firesAt: NIODeadline)?

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Notes what a connection holds after a read, as long as it holds anything.
    func note(_ message: any UnfinishedMessage) {
        let isNew = !self.list.contains(message)
        let taken = self.list.note(message) { self.eventLoop.now }
        for other in taken { other.giveUp(.tryAgainLater, reason: "too many unfinished messages") }
        if isNew { self.look(in: UnfinishedMessageList.pause(for: message)) }
    }

    /// Forgets a connection.
    func remove(_ message: any UnfinishedMessage) { self.list.remove(message) }

    /// Notes that a connection reads again.
    func resumed(_ message: any UnfinishedMessage) { self.list.resumed(message, at: self.eventLoop.now) }

    /// Looks after a time, or earlier if that is planned.
    private func look(in pause: TimeAmount) {
        let firesAt = self.eventLoop.now + pause
        if let timer = self.timer {
            guard firesAt < timer.firesAt else { return }
            timer.task.cancel()
        }
        let task = self.eventLoop.assumeIsolated().scheduleTask(deadline: firesAt) {
            self.timer = nil
            self.look()
        }
        self.timer = (task, firesAt)
    }

    private func look() {
        for message in self.list.look(at: self.eventLoop.now) {
            message.giveUp(.policyViolation, reason: "a message did not end in time")
        }
        if let pause = self.list.pause { self.look(in: pause) }
    }
}
