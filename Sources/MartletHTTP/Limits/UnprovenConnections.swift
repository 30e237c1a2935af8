import DequeModule
import NIOCore

/// The connections that have proved nothing yet, the oldest first. A pure state; the caller has the clock and the lock.
struct UnprovenConnections {
    /// The time after which a connection makes room although there is room: before it, its first request may be on its
    /// way. One on which something is under way makes room after this time when there is none.
    static let grace = TimeAmount.seconds(1)
    /// The most connections among which one is chosen: every new connection pays for it, under a lock.
    static let choice = 128

    /// The numbers of connections, the oldest first; some have gone.
    private struct Queue {
        var numbers: Deque<UInt64> = []
        /// The number of connections that have not gone.
        var count = 0

        mutating func add(_ number: UInt64) {
            self.numbers.append(number)
            self.count += 1
        }

        mutating func removedOne(_ places: [UInt64: ConnectionPlace]) {
            self.count -= 1
            while let first = self.numbers.first, places[first] == nil { self.numbers.removeFirst() }
            if self.numbers.count > 2 * self.count + 64 { self.numbers.removeAll { places[$0] == nil } }
        }

        /// Returns the connection that makes room. Those at work among which none was found have their turn again after
        /// all others.
        mutating func choose(
            _ places: [UInt64: ConnectionPlace], at now: NIODeadline, isFull: Bool
        ) -> ConnectionPlace? {
            var seen: [(number: UInt64, isBusy: Bool)] = []
            var leaving: ConnectionPlace?
            var answered: ConnectionPlace?
            var silent: ConnectionPlace?
            var busy: ConnectionPlace?
            var young: ConnectionPlace?
            while leaving == nil, seen.count < UnprovenConnections.choice, let number = self.numbers.popFirst() {
                // Numbers of connections that have gone are met once.
                guard let place = places[number] else { continue }
                let isOld = now - place.openedAt >= UnprovenConnections.grace
                let activity = place.activity
                seen.append((number, activity == .busy))
                switch activity {
                case .leaving: leaving = place
                case .answered: if answered == nil, isFull || isOld { answered = place }
                case .idle where isOld: if silent == nil { silent = place }
                case .idle: if young == nil, isFull { young = place }
                case .busy: if busy == nil, isFull, isOld { busy = place }
                }
            }
            let isCutShort = leaving == nil && !self.numbers.isEmpty
            for (number, isBusy) in seen.reversed() where !isCutShort || !isBusy { self.numbers.prepend(number) }
            if isCutShort { for (number, isBusy) in seen where isBusy { self.numbers.append(number) } }
            return leaving ?? answered ?? silent ?? busy ?? young
        }
    }

    private var places: [UInt64: ConnectionPlace] = [:]
    private var all = Queue()
    private var byAddress: [String: Queue] = [:]

    var count: Int { self.places.count }

    func count(of address: String) -> Int { self.byAddress[address]?.count ?? 0 }

    mutating func add(_ place: ConnectionPlace) {
        self.places[place.number] = place
        self.all.add(place.number)
        self.byAddress[place.address, default: Queue()].add(place.number)
    }

    /// - Returns: whether it was there.
    @discardableResult
    mutating func remove(_ place: ConnectionPlace) -> Bool {
        guard self.places.removeValue(forKey: place.number) != nil else { return false }
        self.all.removedOne(self.places)
        self.byAddress[place.address]?.removedOne(self.places)
        if self.byAddress[place.address]?.count == 0 { self.byAddress[place.address] = nil }
        return true
    }

    /// Takes the connection that makes room for another: one that is leaving, else the oldest whose requests have been
    /// answered, else the oldest that says nothing. It is chosen among the oldest only.
    ///
    /// - Parameters:
    ///   - address: whose connections are looked at; `nil` for all.
    ///   - isFull: whether there is no room at all.
    mutating func takeOldest(of address: String?, at now: NIODeadline, isFull: Bool) -> ConnectionPlace? {
        let chosen =
            if let address {
                self.byAddress[address]?.choose(self.places, at: now, isFull: isFull)
            } else {
                self.all.choose(self.places, at: now, isFull: isFull)
            }
        if let chosen { self.remove(chosen) }
        return chosen
    }
}
