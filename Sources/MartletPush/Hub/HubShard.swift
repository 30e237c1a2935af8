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

    /// By user, then by event.
    private var users: [ExactString: [ExactString: ChannelSessions]] = [:]

    /// Publications are being delivered.
    var isDelivering = false
    var pace = DeliveryPace()

    /// Adds a session to a channel; does nothing when it is there.
    ///
    /// - Returns: the channel's list, when this is its first session here.
    func add(_ session: any Session, to channel: UserChannel) -> ChannelSessions? {
        guard session.places[channel] == nil else { return nil }
        if let known = self.users[channel.exactUser]?[channel.exactEvent] {
            known.append(session)
            return nil
        }
        let made = ChannelSessions(channel)
        self.users[channel.exactUser, default: [:]][channel.exactEvent] = made
        made.append(session)
        return made
    }

    /// Takes a session out of a channel.
    ///
    /// - Returns: whether it was the last session of the channel here.
    func remove(_ session: any Session, from channel: UserChannel) -> Bool {
        guard let place = session.places.removeValue(forKey: channel),
            let list = self.users[channel.exactUser]?[channel.exactEvent]
        else { return false }
        list.remove(at: place)
        guard list.isEmpty else { return false }
        self.users[channel.exactUser]?[channel.exactEvent] = nil
        if self.users[channel.exactUser]?.isEmpty == true { self.users[channel.exactUser] = nil }
        if self.users.isEmpty { self.users = [:] }  // a dictionary never shrinks by itself
        return true
    }

    /// Sessions whose user or address has a text in it, up to a number of them.
    func sessions(matching text: String, limit: Int) -> [SessionInformation] {
        var found: [SessionInformation] = []
        var seen: Set<ObjectIdentifier> = []
        for (user, events) in self.users {
            let isMatch = text.isEmpty || user.value.contains(text)
            for session in events.values.lazy.flatMap(\.sessions) where seen.insert(ObjectIdentifier(session)).inserted
            {
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
        guard event == nil else { return event.flatMap { events[ExactString($0)]?.sessions } ?? [] }
        var seen: Set<ObjectIdentifier> = []
        return events.values.flatMap(\.sessions).filter { seen.insert(ObjectIdentifier($0)).inserted }
    }
}
