import DequeModule

/// The places of one user's sessions, the oldest first. A pure state; the caller has the lock.
struct UserPlaces {
    /// A function that ends the session of a place. It runs outside the lock.
    typealias End = @Sendable () -> Void

    private enum State {
        /// The session is being set up, and cannot be ended yet.
        case new
        case ready(End)
        case gone
    }

    private struct Place {
        let number: UInt64
        var state: State
    }

    /// The places in the order of their numbers. One that has gone stays for a while, but not as the first.
    private var places: Deque<Place> = []
    /// The number of places that are taken.
    private(set) var count = 0

    /// - Parameter number: greater than those before.
    mutating func append(_ number: UInt64) {
        self.places.append(Place(number: number, state: .new))
        self.count += 1
    }

    mutating func set(_ end: @escaping End, of number: UInt64) {
        guard let index = self.index(of: number) else { return }
        if case .gone = self.places[index].state { return }
        self.places[index].state = .ready(end)
    }

    /// Removes the oldest place whose session can be ended. One whose session is being set up keeps its turn.
    ///
    /// - Returns: the function to call; `nil` when there is no such place.
    mutating func removeOldest() -> End? {
        for index in self.places.indices {
            guard case .ready(let end) = self.places[index].state else { continue }
            self.remove(at: index)
            return end
        }
        return nil
    }

    /// Removes a place; does nothing when it has gone.
    ///
    /// - Returns: the function that it had, which is to be released outside the lock.
    mutating func remove(_ number: UInt64) -> End? {
        guard let index = self.index(of: number) else { return nil }
        switch self.places[index].state {
        case .gone: return nil
        case .new:
            self.remove(at: index)
            return nil
        case .ready(let end):
            self.remove(at: index)
            return end
        }
    }

    private mutating func remove(at index: Int) {
        self.places[index].state = .gone
        self.count -= 1
        while let first = self.places.first, Self.isGone(first) { self.places.removeFirst() }
        if self.places.count > 2 * self.count + 8 { self.places.removeAll { Self.isGone($0) } }
    }

    private static func isGone(_ place: Place) -> Bool {
        if case .gone = place.state { true } else { false }
    }

    private func index(of number: UInt64) -> Int? {
        var (low, high) = (0, self.places.count)
        while low < high {
            let middle = (low + high) / 2
            if self.places[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < self.places.count && self.places[low].number == number ? low : nil
    }
}
