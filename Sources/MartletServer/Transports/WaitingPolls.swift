import NIOCore

/// The polls of one event loop that wait. Used on that loop.
final class WaitingPolls {
    let eventLoop: any EventLoop
    private var polls: [ObjectIdentifier: Poll] = [:]

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func opened(_ poll: Poll) { self.polls[ObjectIdentifier(poll)] = poll }
    func closed(_ poll: Poll) { self.polls[ObjectIdentifier(poll)] = nil }

    /// The server is about to stop: answers a share of the polls that wait.
    ///
    /// - Parameter retry: milliseconds, of which each client is told a random number to wait.
    func finish(_ share: Double, retry: ClosedRange<Int>) {
        let count = Int((Double(self.polls.count) * share).rounded(.up))
        for poll in self.polls.values.prefix(count) { poll.leave(retry: .random(in: retry)) }
    }
}
