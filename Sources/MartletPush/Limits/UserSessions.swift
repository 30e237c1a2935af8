import Synchronization

/// The number of sessions of each user. Safe to use from any thread.
final class UserSessions: Sendable {
    private let counts = Mutex<[ExactString: Int]>([:])

    /// The number of users with sessions.
    var count: Int { self.counts.withLock { $0.count } }

    /// - Returns: `nil` when the user has as many sessions as it may have.
    func place(for user: ExactString, atMost limit: Int) -> UserPlace? {
        let isAdmitted = self.counts.withLock { counts in
            guard counts[user, default: 0] < limit else { return false }
            counts[user, default: 0] += 1
            return true
        }
        return isAdmitted ? UserPlace(user, of: self) : nil
    }

    func leave(_ user: ExactString) {
        self.counts.withLock { counts in
            guard let count = counts[user] else { return }
            counts[user] = count > 1 ? count - 1 : nil
        }
    }
}
