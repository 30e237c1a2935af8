import NIOCore

/// The part of the hub that lives on one event loop: its sessions and their subscriptions. Used on that loop only.
///
/// Invariant: a session stands in the list of each channel in its ``Subscriber/places`` at the place noted there, and
/// in no other list; a channel without sessions has no list, and a session without channels is in no list of a user.
final class HubShard {
    let heartbeats: HeartbeatWheel
    private var channels: [ChannelName: ChannelSubscribers] = [:]
    private var users: [ExactString: SubscriberSet] = [:]

    /// Whether publications are being delivered.
    var isDelivering = false
    var pace = DeliveryPace()

    init(heartbeats: HeartbeatWheel) { self.heartbeats = heartbeats }

    /// Adds a session to a channel; does nothing when it is there.
    ///
    /// - Parameter encoding: `nil` for a session that is asked each time.
    /// - Returns: the channel's list, when this is its first session here.
    func add(
        _ session: any Subscriber, to channel: ChannelName, _ encoding: PublicationEncoding?
    ) -> ChannelSubscribers? {
        guard session.places[channel] == nil else { return nil }
        if session.places.isEmpty { self.users[session.user, default: SubscriberSet()].insert(session) }
        if let known = self.channels[channel] {
            known.append(session, encoding)
            return nil
        }
        let made = ChannelSubscribers(channel)
        self.channels[channel] = made
        made.append(session, encoding)
        return made
    }

    /// Changes the encoding of a subscription. Nothing is missed or doubled, also in the middle of a delivery.
    func change(_ session: any Subscriber, in channel: ChannelName, to encoding: PublicationEncoding?) {
        guard let place = session.places[channel], let list = self.channels[channel] else { return }
        list.remove(at: place)
        list.append(session, encoding)
    }

    /// Takes a session out of a channel.
    ///
    /// - Returns: whether it was the last session of the channel here.
    func remove(_ session: any Subscriber, from channel: ChannelName) -> Bool {
        guard let place = session.places.removeValue(forKey: channel), let list = self.channels[channel] else {
            return false
        }
        if session.places.isEmpty {
            self.users[session.user]?.remove(session)
            if self.users[session.user]?.isEmpty == true { self.users[session.user] = nil }
            if self.users.isEmpty { self.users = [:] }  // a dictionary never shrinks by itself
        }
        list.remove(at: place)
        guard list.isEmpty else { return false }
        self.channels[channel] = nil
        if self.channels.isEmpty { self.channels = [:] }
        return true
    }

    /// Tells sessions that publications of their channels may be missing.
    ///
    /// - Parameter channels: `nil` for all.
    func interrupt(_ channels: [ChannelName]?) {
        let lists = channels.map { $0.compactMap { self.channels[$0] } } ?? Array(self.channels.values)
        for list in lists { list.interrupt() }
    }

    /// Returns the sessions whose user or address contains a text, up to a number of them.
    func sessions(matching text: String, limit: Int) -> [SessionInformation] {
        var found: [SessionInformation] = []
        for (user, sessions) in self.users {
            let isMatch = text.isEmpty || user.value.contains(text)
            for session in sessions.all {
                guard isMatch || session.connectionInfo?.address.contains(text) == true,
                    let information = session.information
                else { continue }
                found.append(information)
                if found.count == limit { return found }
            }
        }
        return found
    }

    /// The channels, up to a number of them, and whether there are no more.
    func listChannels(limit: Int) -> (channels: [ChannelInformation], isComplete: Bool) {
        let list = self.channels.values.prefix(limit).map {
            ChannelInformation(name: $0.channel, subscribers: $0.count, offset: $0.lastOffset)
        }
        return (list, self.channels.count <= limit)
    }

    /// The sessions of a user, of one event or of all, each once.
    func sessions(user: String, event: String?) -> [any Subscriber] {
        guard let event else { return self.users[ExactString(user)]?.all ?? [] }
        return self.channels[UserChannel(user: user, event: event).name]?.sessions ?? []
    }
}
