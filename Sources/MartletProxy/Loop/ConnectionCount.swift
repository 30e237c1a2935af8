import Synchronization

/// The number of client connections that are open, tunnels included.
final class ConnectionCount: Sendable {
    private let count = Atomic(0)

    var value: Int { self.count.load(ordering: .relaxed) }

    /// Adds a connection, if there are fewer than `limit`.
    ///
    /// - Returns: whether it was added.
    func admit(atMost limit: Int) -> Bool {
        guard self.count.add(1, ordering: .relaxed).newValue > limit else { return true }
        self.count.subtract(1, ordering: .relaxed)
        return false
    }

    func ended() { self.count.subtract(1, ordering: .relaxed) }
}
