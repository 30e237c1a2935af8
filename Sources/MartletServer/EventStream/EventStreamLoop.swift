import MartletPush
import NIOCore

/// What the event streams and polls of one event loop share. Used on that loop.
final class EventStreamLoop {
    let eventLoop: any EventLoop
    let wheel: HeartbeatWheel
    private var polls: [ObjectIdentifier: Poll] = [:]

    init(_ eventLoop: any EventLoop, heartbeatInterval: TimeAmount) {
        self.eventLoop = eventLoop
        self.wheel = HeartbeatWheel(interval: heartbeatInterval, eventLoop: eventLoop)
    }

    func opened(_ poll: Poll) { self.polls[ObjectIdentifier(poll)] = poll }
    func closed(_ poll: Poll) { self.polls[ObjectIdentifier(poll)] = nil }

    /// The server is about to stop: answers a share of the polls that wait.
    ///
    /// - Parameter retry: milliseconds, of which each client is told a random number to wait.
    func finishPolls(_ share: Double, retry: ClosedRange<Int>) {
        let count = Int((Double(self.polls.count) * share).rounded(.up))
        for poll in self.polls.values.prefix(count) { poll.finish(.restart(retry: .random(in: retry))) }
    }
}
