import DequeModule
import MartletPush
import NIOCore

/// What became of publications that came with a key, so that one that is sent again is answered and not published again.
/// The caller has the clock and the lock.
struct IdempotencyCache {
    /// How long a key is remembered.
    static let age = TimeAmount.minutes(5)
    /// Of all keys and channels together; beyond it the oldest go before their time.
    static let limit = 100_000

    struct Key: Hashable, Sendable {
        let channel: UserChannel
        let key: String
    }

    private enum Entry {
        /// Those who wait for the first to be done.
        case pending([@Sendable (PublishResult) -> Void])
        case done(PublishResult)
    }

    private var entries: [Key: Entry] = [:]
    private var ages: Deque<(key: Key, time: NIODeadline)> = []

    /// - Parameter completion: called at once, or when the first with this key is done.
    /// - Returns: whether the caller is the first, and is to publish.
    mutating func begin(
        _ key: Key, at now: NIODeadline, _ completion: @escaping @Sendable (PublishResult) -> Void
    ) -> (isFirst: Bool, result: PublishResult?) {
        while let first = self.ages.first, first.time + Self.age <= now || self.ages.count >= Self.limit {
            self.ages.removeFirst()
            self.entries[first.key] = nil
        }
        switch self.entries[key] {
        case .done(let result): return (false, result)
        case .pending(let waiting):
            self.entries[key] = .pending(waiting + [completion])
            return (false, nil)
        case nil:
            self.entries[key] = .pending([])
            self.ages.append((key, now))
            return (true, nil)
        }
    }

    /// - Returns: those who wait.
    mutating func finish(_ key: Key, _ result: PublishResult) -> [@Sendable (PublishResult) -> Void] {
        guard case .pending(let waiting) = self.entries[key] else { return [] }
        self.entries[key] = .done(result)
        return waiting
    }
}
