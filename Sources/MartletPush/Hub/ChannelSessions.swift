import MartletWebSocket

/// The sessions of one event loop that hear one channel.
///
/// `@unchecked Sendable`: what hands out publications carries it between threads, and only its event loop looks into it.
final class ChannelSessions: @unchecked Sendable {
    /// A session, where it may be sent to without a look at it, and where its memory is: a walk over thousands of them
    /// waits for memory more than for anything else.
    private struct Entry {
        let session: any Session
        /// Among the ready sockets of ``ChannelSessions/loop``; -1 when the session must be asked each time.
        let place: ReadySockets.Place
        let address: UnsafeRawPointer
        let socketAddress: UnsafeRawPointer?

        init(_ session: any Session, _ place: ReadySockets.Place?) {
            self.session = session
            self.place = place ?? -1
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
    /// Of the first session that has a place among its ready sockets; there is but one, unless a test has made more.
    private var loop: LoopContext?
    private var placeCount = 0

    init(_ channel: UserChannel) { self.channel = channel }

    var sessions: [any Session] { self.entries.map(\.session) }
    var count: Int { self.entries.count }
    var isEmpty: Bool { self.entries.isEmpty }

    func append(_ session: any Session) {
        session.places[self.channel] = self.entries.count
        let ready = session.readyPlace
        if self.loop == nil { self.loop = ready?.loop }
        let place = ready.flatMap { $0.loop === self.loop ? $0.place : nil }
        if place != nil { self.placeCount += 1 }
        self.entries.append(Entry(session, place))
    }

    /// The last session takes the place of the one that leaves.
    func remove(at place: Int) {
        if self.entries[place].place >= 0 { self.placeCount -= 1 }
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
        guard self.placeCount > 0, let ready = self.loop?.readySockets, ready.mayTake(batch.messages) else {
            for index in entries.indices {
                if index + Self.lookahead < entries.count { entries[index + Self.lookahead].prefetch() }
                let taken = entries[index].session.deliver(batch)
                tally.count(taken, entries[index].session.transport)
                sessionTook(taken)
            }
            return
        }
        let count = batch.count
        ready.distribute(batch.messages) { frames in
            var direct = 0
            for index in entries.indices {
                if index + Self.lookahead < entries.count {
                    let next = entries[index + Self.lookahead]
                    if next.place < 0 || !ready.isReady(next.place) { next.prefetch() }
                }
                let place = entries[index].place
                var taken = count
                if place >= 0, let sent = ready.send(frames, to: place) {
                    if sent == frames.count { direct += 1 } else { entries[index].session.finish(batch, behind: sent) }
                    tally.count(taken, .websocket)
                } else {
                    taken = entries[index].session.deliver(batch)
                    tally.count(taken, entries[index].session.transport)
                }
                sessionTook(taken)
            }
            return direct
        }
    }
}
