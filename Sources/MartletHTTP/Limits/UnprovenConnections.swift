import DequeModule
import NIOCore

/// The connections that have proved nothing yet, the oldest first. A pure state; the caller has the clock and the lock.
struct UnprovenConnections {
    /// The time after which a connection makes room although there is room: before it, its first request may be on its
    /// way. One on which something is under way makes room after this time when there is none.
    static let grace = TimeAmount.seconds(1)

    private var places: [UInt64: ConnectionPlace] = [:]
    /// The numbers of the connections; some have gone.
    private var order: Deque<UInt64> = []
    private var byAddress: [String: Int] = [:]

    var count: Int { self.places.count }

    func count(of address: String) -> Int { self.byAddress[address, default: 0] }

    mutating func add(_ place: ConnectionPlace) {
        self.places[place.number] = place
        self.order.append(place.number)
        self.byAddress[place.address, default: 0] += 1
    }

    /// - Returns: whether it was there.
    @discardableResult
    mutating func remove(_ place: ConnectionPlace) -> Bool {
        guard self.places.removeValue(forKey: place.number) != nil else { return false }
        let count = self.byAddress[place.address, default: 0] - 1
        self.byAddress[place.address] = count > 0 ? count : nil
        while let first = self.order.first, self.places[first] == nil { self.order.removeFirst() }
        if self.order.count > 2 * self.places.count + 64 { self.order.removeAll { self.places[$0] == nil } }
        return true
    }

    /// Takes the connection that makes room for another: one that is leaving, else the oldest whose requests have been
    /// answered, else the oldest that says nothing.
    ///
    /// - Parameters:
    ///   - address: whose connections are looked at; `nil` for all.
    ///   - isFull: whether there is no room at all.
    mutating func takeOldest(of address: String?, at now: NIODeadline, isFull: Bool) -> ConnectionPlace? {
        var answered: ConnectionPlace?
        var silent: ConnectionPlace?
        var busy: ConnectionPlace?
        var young: ConnectionPlace?
        for number in self.order {
            guard let place = self.places[number], address == nil || place.address == address else { continue }
            let isOld = now - place.openedAt >= Self.grace
            switch place.activity {
            case .leaving:
                self.remove(place)
                return place
            case .answered: if answered == nil, isFull || isOld { answered = place }
            case .idle where isOld: if silent == nil { silent = place }
            case .idle: if young == nil, isFull { young = place }
            case .busy: if busy == nil, isFull, isOld { busy = place }
            }
        }
        guard let taken = answered ?? silent ?? busy ?? young else { return nil }
        self.remove(taken)
        return taken
    }
}
