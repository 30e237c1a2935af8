import MartletWebSocket

/// The sessions of one event loop that hear one channel.
///
/// `@unchecked Sendable`: what hands out publications carries it between threads, and only its event loop looks into it.
final class ChannelSessions: @unchecked Sendable {
    /// A session, and where its memory is: a walk over thousands of them waits for memory more than for anything else.
    private struct Entry {
        let session: any Session
        let address: UnsafeRawPointer
        let socketAddress: UnsafeRawPointer?

        init(_ session: any Session) {
            self.session = session
            self.address = UnsafeRawPointer(Unmanaged.passUnretained(session as AnyObject).toOpaque())
            self.socketAddress = session.socketAddress
        }

        func prefetch() {
            WebSocket.prefetch(self.address)
            if let socketAddress { WebSocket.prefetch(socketAddress) }
        }
    }

    /// How many sessions ahead of the one that is being served memory is fetched.
    private static let lookahead = 2

    let channel: UserChannel
    private var entries: [Entry] = []

    init(_ channel: UserChannel) { self.channel = channel }

    var sessions: [any Session] { self.entries.map(\.session) }
    var count: Int { self.entries.count }
    var isEmpty: Bool { self.entries.isEmpty }

    func append(_ session: any Session) {
        session.places[self.channel] = self.entries.count
        self.entries.append(Entry(session))
    }

    /// The last session takes the place of the one that leaves.
    func remove(at place: Int) {
        guard let last = self.entries.popLast(), place < self.entries.count else { return }
        self.entries[place] = last
        last.session.places[self.channel] = place
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
        let entries = self.entries
        for index in entries.indices {
            if index + Self.lookahead < entries.count { entries[index + Self.lookahead].prefetch() }
            let session = entries[index].session
            let taken = session.deliver(batch)
            tally.count(taken, session.transport)
            sessionTook(taken)
        }
    }
}
