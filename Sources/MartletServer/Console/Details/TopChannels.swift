/// The channels with the most subscribers, and those with the most publications.
struct TopChannels: Encodable, Sendable {
    struct Channel: Encodable, Hashable, Sendable {
        let name: String
        let subscribers: Int
        /// Publications a minute; `nil` until it is known.
        let rate: Double?
    }

    let bySubscribers: [Channel]
    let byPublications: [Channel]
    /// Whether all channels were looked at; otherwise as many as a look may take.
    let isComplete: Bool

    /// - Parameter count: how many of each kind are taken.
    init(_ channels: [Channel], count: Int, isComplete: Bool) {
        self.bySubscribers = Self.first(count, of: channels) { Double($0.subscribers) }
        self.byPublications = Self.first(count, of: channels.filter { ($0.rate ?? 0) > 0 }) { $0.rate ?? 0 }
        self.isComplete = isComplete
    }

    /// Returns the channels with the greatest values, in one walk; of equal ones the first by name.
    private static func first(
        _ count: Int, of channels: [Channel], by value: (Channel) -> Double
    ) -> [Channel] {
        var top: [Channel] = []
        func isBefore(_ one: Channel, _ other: Channel) -> Bool {
            value(one) != value(other) ? value(one) > value(other) : one.name < other.name
        }
        for channel in channels {
            if top.count == count, let last = top.last, !isBefore(channel, last) { continue }
            let index = top.firstIndex { isBefore(channel, $0) } ?? top.count
            top.insert(channel, at: index)
            if top.count > count { top.removeLast() }
        }
        return top
    }
}
