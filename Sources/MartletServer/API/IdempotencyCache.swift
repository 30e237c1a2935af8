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

    private var results: [Key: PublishResult] = [:]
    /// Those who wait for the first of a key to be done.
    private var waiting: [Key: [@Sendable (PublishResult) -> Void]] = [:]
    private var ages: Deque<(key: Key, time: NIODeadline)> = []

    /// - Parameter completion: called at once, or when the first with this key is done.
    /// - Returns: whether the caller is the first, and is to publish.
    mutating func begin(
        _ key: Key, at now: NIODeadline, _ completion: @escaping @Sendable (PublishResult) -> Void
    ) -> (isFirst: Bool, result: PublishResult?) {
        while let first = self.ages.first, first.time + Self.age <= now || self.ages.count >= Self.limit {
            self.ages.removeFirst()
            self.results[first.key] = nil
        }
        if let result = self.results[key] { return (false, result) }
        if self.waiting[key] != nil {
            self.waiting[key]?.append(completion)
            return (false, nil)
        }
        self.waiting[key] = []
        self.ages.append((key, now))
        return (true, nil)
    }

    /// - Returns: those who wait.
    mutating func finish(_ key: Key, _ result: PublishResult) -> [@Sendable (PublishResult) -> Void] {
        self.results[key] = result
        return self.waiting.removeValue(forKey: key) ?? []
    }
}
