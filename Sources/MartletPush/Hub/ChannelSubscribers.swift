import MartletWebSocket
import NIOCore

/// The subscribers of one channel on one event loop, grouped by encoding.
///
/// `@unchecked Sendable`: the hub passes it between threads, and only its event loop uses its contents.
final class ChannelSubscribers: @unchecked Sendable {
    /// A session, its place among the ready sockets, and the addresses of its memory, to be fetched in advance: a walk
    /// over thousands of sessions waits for memory more than for anything else.
    private struct Entry {
        let session: any Subscriber
        /// The place among the ready sockets of ``ChannelSubscribers/loop``; -1 when the session must be asked each
        /// time.
        let place: ReadySockets.Place
        let address: UnsafeRawPointer
        let socketAddress: UnsafeRawPointer?

        init(_ session: any Subscriber, _ place: ReadySockets.Place?) {
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

    private struct Group {
        let encoding: PublicationEncoding
        var entries: [Entry] = []
        /// The number of entries that have a place among the ready sockets.
        var placeCount = 0
    }

    private final class Position {
        var value: StreamPosition
        init(_ value: StreamPosition) { self.value = value }
    }

    /// The number of sessions by which memory is fetched ahead of the one that is being served.
    private static let lookahead = 2

    let channel: ChannelName
    /// Most channels have subscribers of one encoding.
    private var groups = InlineFirstArray<Group>()
    /// Sessions that are asked each time, because each is sent something else.
    private var individuals: [any Subscriber] = []
    /// The position of the last publication that was handed out, once there is one.
    private var position: Position?
    /// The loop of the first session that has a place among its ready sockets; there is only one, unless a test has
    /// made more.
    private var loop: LoopContext?

    init(_ channel: ChannelName) { self.channel = channel }

    var sessions: [any Subscriber] {
        self.groups.indices.reduce(into: self.individuals) { $0 += self.groups[$1].entries.map(\.session) }
    }

    /// The offset of the last publication that was handed out; `nil` before the first, and without a history.
    var lastOffset: UInt64? { self.position?.value.offset }

    private(set) var count = 0
    var isEmpty: Bool { self.count == 0 }

    func append(_ session: any Subscriber, _ encoding: PublicationEncoding?) {
        self.count += 1
        guard let encoding else {
            session.places[self.channel] = .init(
                group: SubscriberPlace.individual, index: Int32(self.individuals.count))
            self.individuals.append(session)
            return
        }
        let group = self.groups.firstIndex { $0.encoding === encoding } ?? self.groups.count
        if group == self.groups.count { self.groups.append(Group(encoding: encoding)) }
        session.places[self.channel] = .init(group: Int32(group), index: Int32(self.groups[group].entries.count))
        let ready = session.readyPlace
        if self.loop == nil { self.loop = ready?.loop }
        let place = ready.flatMap { $0.loop === self.loop ? $0.place : nil }
        if place != nil { self.groups[group].placeCount += 1 }
        self.groups[group].entries.append(Entry(session, place))
    }

    /// Removes a session; the last session of its group takes its place.
    func remove(at place: SubscriberPlace) {
        self.count -= 1
        let index = Int(place.index)
        guard place.group != SubscriberPlace.individual else {
            let last = self.individuals.removeLast()
            guard index < self.individuals.count else { return }
            self.individuals[index] = last
            last.places[self.channel] = place
            return
        }
        let group = Int(place.group)
        if self.groups[group].entries[index].place >= 0 { self.groups[group].placeCount -= 1 }
        let last = self.groups[group].entries.removeLast()
        guard index < self.groups[group].entries.count else { return }
        self.groups[group].entries[index] = last
        last.session.places[self.channel] = place
    }

    /// Tells every session that publications may be missing.
    func interrupt() {
        for session in self.sessions { session.interrupted(self.channel, after: self.position?.value) }
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

    /// Hands one publication to every session.
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
        if let position = batch.publications.last?.position {
            if let known = self.position { known.value = position } else { self.position = Position(position) }
        }
        for index in self.groups.indices {
            let group = self.groups[index]
            if !group.entries.isEmpty { self.deliver(batch, to: group, &tally, sessionTook) }
        }
        // Last, since a session that joins a group during its delivery must not be served twice.
        for session in self.individuals {
            let taken = session.deliver(batch)
            tally.count(taken, session.transport)
            sessionTook(taken)
        }
    }

    /// - Parameter group: a copy, since a session that is closed by its delivery leaves the list.
    private func deliver(
        _ batch: PublicationBatch, to group: Group, _ tally: inout DeliveryTally, _ sessionTook: (Int) -> Void
    ) {
        let entries = group.entries
        let encoded = batch[group.encoding]
        guard group.placeCount > 0, let ready = self.loop?.readySockets,
            ready.mayTake(encoded.wire.frames, encoded.count)
        else {
            for index in entries.indices {
                if index + Self.lookahead < entries.count { entries[index + Self.lookahead].prefetch() }
                let taken = entries[index].session.deliver(encoded)
                tally.count(taken, entries[index].session.transport)
                sessionTook(taken)
            }
            return
        }
        let transport = group.encoding.transport
        ready.distribute(encoded.wire.frames, messages: encoded.wire.messageCount) { frames in
            var direct = 0
            for index in entries.indices {
                if index + Self.lookahead < entries.count {
                    let next = entries[index + Self.lookahead]
                    if next.place < 0 || !ready.isReady(next.place) { next.prefetch() }
                }
                let place = entries[index].place
                var taken = encoded.count
                if place >= 0, let sent = ready.send(frames, to: place) {
                    if sent == frames.count {
                        direct += 1
                    } else {
                        entries[index].session.finish(encoded, behind: sent)
                    }
                    tally.count(taken, transport)
                } else {
                    taken = entries[index].session.deliver(encoded)
                    tally.count(taken, entries[index].session.transport)
                }
                sessionTook(taken)
            }
            return direct
        }
    }
}

extension EncodedPublications.Wire {
    /// The bytes that go out.
    fileprivate var frames: ByteBuffer {
        switch self {
        case .messages(let batch): batch.frames
        case .bytes(let bytes): bytes
        }
    }

    /// The messages of a WebSocket in it.
    fileprivate var messageCount: Int {
        switch self {
        case .messages(let batch): batch.count
        case .bytes: 0
        }
    }
}
