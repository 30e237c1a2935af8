import Synchronization

/// The sessions of each user, by their places. Safe to use from any thread.
///
/// A place is known by its number, and nothing here holds it: it could be released under the lock otherwise, and a
/// place that is released takes the lock.
final class UserSessions: Sendable {
    private struct State {
        var users: [ExactString: UserPlaces] = [:]
        /// The number of the newest place.
        var lastNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The number of users with sessions.
    var count: Int { self.state.withLock { $0.users.count } }

    /// - Returns: `nil` when the user has as many sessions as it may have, and none of them ends for this one.
    func place(for user: ExactString, atMost limit: Int, _ policy: ExcessSessionPolicy) -> UserPlace? {
        let (number, end) = self.state.withLock { state -> (UInt64?, UserPlaces.End?) in
            var end: UserPlaces.End?
            if (state.users[user]?.count ?? 0) >= limit {
                guard policy == .closeOldest, let oldest = state.users[user]?.removeOldest() else { return (nil, nil) }
                end = oldest
            }
            let number = state.lastNumber + 1
            state.lastNumber = number
            state.users[user, default: UserPlaces()].append(number)
            return (number, end)
        }
        end?()
        return number.map { UserPlace($0, of: user, in: self) }
    }

    /// Sets the function that ends the session of a place when a newer one takes it.
    func set(_ end: @escaping UserPlaces.End, of user: ExactString, _ number: UInt64) {
        self.state.withLock { state -> Void in state.users[user]?.set(end, of: number) }
    }

    /// Gives a place back; does nothing when a newer session has taken it.
    func leave(_ user: ExactString, _ number: UInt64) {
        _ = self.state.withLock { state -> UserPlaces.End? in
            let end = state.users[user]?.remove(number)
            if state.users[user]?.count == 0 { state.users[user] = nil }
            return end
        }
    }
}
