/// The sessions of one event loop that hear one channel.
///
/// `@unchecked Sendable`: what hands out publications carries it between threads, and only its event loop looks into it.
final class ChannelSessions: @unchecked Sendable {
    let channel: UserChannel
    private(set) var sessions: [any Session] = []

    init(_ channel: UserChannel) { self.channel = channel }

    func append(_ session: any Session) {
        session.places[self.channel] = self.sessions.count
        self.sessions.append(session)
    }

    /// The last session takes the place of the one that leaves.
    func remove(at place: Int) {
        guard let last = self.sessions.popLast(), place < self.sessions.count else { return }
        self.sessions[place] = last
        last.places[self.channel] = place
    }

    /// Hands publications to every session.
    ///
    /// - Parameter counters: for what sessions took.
    /// - Returns: for each publication, how many sessions took it.
    func deliver(_ batch: PublicationBatch, _ counters: PushCounters) -> [Int] {
        var counts = [Int](repeating: 0, count: batch.count)
        self.deliver(batch, counters) { taken in
            for index in 0..<taken { counts[index] += 1 }
        }
        return counts
    }

    /// As ``deliver(_:_:)``, for a batch of one.
    ///
    /// - Returns: how many sessions took it.
    func deliverOne(_ batch: PublicationBatch, _ counters: PushCounters) -> Int {
        var count = 0
        self.deliver(batch, counters) { count += $0 }
        return count
    }

    private func deliver(_ batch: PublicationBatch, _ counters: PushCounters, _ sessionTook: (Int) -> Void) {
        var tally = DeliveryTally()
        defer { tally.add(to: counters) }
        // A session that is closed by its delivery leaves the list: a copy is walked.
        for session in self.sessions {
            let taken = session.deliver(batch)
            tally.count(taken, session.transport)
            sessionTook(taken)
        }
    }
}
