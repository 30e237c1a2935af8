import NIOCore

/// The part of the hub that lives on one event loop: its sessions, and who hears what. Used on that loop only.
///
/// Invariant: a session stands in the list of each channel in its ``Session/places`` at the place noted there, and in
/// no other list; a channel without sessions has no list.
final class HubShard {
    /// For WebSockets of the event-stream dialect, whose pages cannot see pings.
    private var wheel: HeartbeatWheel?

    func wheel(on eventLoop: any EventLoop) -> HeartbeatWheel {
        let wheel = self.wheel ?? HeartbeatWheel(interval: .seconds(15), eventLoop: eventLoop)
        self.wheel = wheel
        return wheel
    }

    /// Sessions by user, then by event.
    private var users: [ExactString: [ExactString: [any Session]]] = [:]

    /// Adds a session to a channel; does nothing when it is there.
    ///
    /// - Returns: whether it is the first session of the channel here.
    func add(_ session: any Session, to channel: UserChannel) -> Bool {
        guard session.places[channel] == nil else { return false }
        let place = self.users[channel.exactUser]?[channel.exactEvent]?.count ?? 0
        self.users[channel.exactUser, default: [:]][channel.exactEvent, default: []].append(session)
        session.places[channel] = place
        return place == 0
    }

    /// Takes a session out of a channel.
    ///
    /// - Returns: whether it was the last session of the channel here.
    func remove(_ session: any Session, from channel: UserChannel) -> Bool {
        guard let place = session.places.removeValue(forKey: channel) else { return false }
        let wasLast = self.removeEntry(at: place, of: channel)
        if wasLast {
            self.users[channel.exactUser]?[channel.exactEvent] = nil
            if self.users[channel.exactUser]?.isEmpty == true { self.users[channel.exactUser] = nil }
            if self.users.isEmpty { self.users = [:] }  // a dictionary never shrinks by itself
        }
        return wasLast
    }

    /// The last session takes the place of the one that leaves.
    private func removeEntry(at place: Int, of channel: UserChannel) -> Bool {
        guard let last = self.users[channel.exactUser]?[channel.exactEvent]?.popLast() else { return false }
        let count = self.users[channel.exactUser]?[channel.exactEvent]?.count ?? 0
        if place < count {
            self.users[channel.exactUser]?[channel.exactEvent]?[place] = last
            last.places[channel] = place
        }
        return count == 0
    }

    /// Hands publications to every session of a channel.
    ///
    /// - Parameter counters: for what sessions took.
    /// - Returns: for each publication, how many sessions took it.
    func publish(_ batch: PublicationBatch, to channel: UserChannel, _ counters: PushCounters) -> [Int] {
        var counts = [Int](repeating: 0, count: batch.count)
        var tally = DeliveryTally()
        defer { tally.add(to: counters) }
        // A session that is closed by its delivery leaves the list: a copy is walked.
        for session in self.users[channel.exactUser]?[channel.exactEvent] ?? [] {
            let taken = session.deliver(batch)
            tally.count(taken, session.transport)
            for index in 0..<taken { counts[index] += 1 }
        }
        return counts
    }

    /// Sessions whose user or address has a text in it, up to a number of them.
    func sessions(matching text: String, limit: Int) -> [SessionInformation] {
        var found: [SessionInformation] = []
        var seen: Set<ObjectIdentifier> = []
        for (user, events) in self.users {
            let isMatch = text.isEmpty || user.value.contains(text)
            for session in events.values.joined() where seen.insert(ObjectIdentifier(session)).inserted {
                guard isMatch || session.carrier?.address.contains(text) == true,
                    let information = session.information
                else { continue }
                found.append(information)
                if found.count == limit { return found }
            }
            seen.removeAll(keepingCapacity: true)  // a session is one user's
        }
        return found
    }

    /// The sessions of a user, of one event or of all, each once.
    func sessions(user: String, event: String?) -> [any Session] {
        guard let events = self.users[ExactString(user)] else { return [] }
        guard event == nil else { return event.flatMap { events[ExactString($0)] } ?? [] }
        var seen: Set<ObjectIdentifier> = []
        return events.values.joined().filter { seen.insert(ObjectIdentifier($0)).inserted }
    }
}
