import Synchronization

/// The number of sessions of each user. Safe to use from any thread.
final class UserSessions: Sendable {
    private struct Entry {
        var count = 0
        /// Those that may end for a newer one, the oldest first; kept only where that is the policy.
        var places: [Weak] = []
    }

    private struct Weak {
        weak var place: UserPlace?
    }

    private let entries = Mutex<[ExactString: Entry]>([:])

    /// The number of users with sessions.
    var count: Int { self.entries.withLock { $0.count } }

    /// - Returns: `nil` when the user has as many sessions as it may have, and none of them ends for this one.
    func place(for user: ExactString, atMost limit: Int, _ policy: ExcessSessionPolicy) -> UserPlace? {
        let (place, replaced) = self.entries.withLock { entries -> (UserPlace?, UserPlace?) in
            var entry = entries[user] ?? Entry()
            var replaced: UserPlace?
            if entry.count >= limit {
                guard policy == .closeOldest else { return (nil, nil) }
                while replaced == nil, !entry.places.isEmpty {
                    let oldest = entry.places.removeFirst().place
                    if let oldest, oldest.giveUp() { replaced = oldest }
                }
                guard replaced != nil else { return (nil, nil) }
                entry.count -= 1
            }
            entry.count += 1
            let place = UserPlace(user, of: self)
            if policy == .closeOldest {
                if entry.places.count > 2 * entry.count + 8 { entry.places.removeAll { $0.place == nil } }
                entry.places.append(Weak(place: place))
            }
            entries[user] = entry
            return (place, replaced)
        }
        replaced?.end()
        return place
    }

    func leave(_ user: ExactString) {
        self.entries.withLock { entries in
            guard let count = entries[user]?.count else { return }
            if count > 1 { entries[user]?.count = count - 1 } else { entries[user] = nil }
        }
    }
}
