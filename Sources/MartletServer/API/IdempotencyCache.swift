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

    typealias Completion = @Sendable (Result<PublishResult, BrokerError>) -> Void

    private var results: [Key: (result: PublishResult, time: NIODeadline)] = [:]
    /// Those who wait for the first of a key to be done, and when that began.
    private var waiting: [Key: (completions: [Completion], time: NIODeadline)] = [:]
    private var ages: Deque<(key: Key, time: NIODeadline)> = []

    /// - Parameter completion: called at once, or when the first with this key is done.
    /// - Returns: whether the caller is the first, and is to publish.
    mutating func begin(
        _ key: Key, at now: NIODeadline, _ completion: @escaping Completion
    ) -> (isFirst: Bool, result: PublishResult?) {
        while let first = self.ages.first, first.time + Self.age <= now || self.ages.count >= Self.limit {
            self.ages.removeFirst()
            if self.results[first.key]?.time == first.time { self.results[first.key] = nil }
        }
        if let known = self.results[key] { return (false, known.result) }
        if self.waiting[key] != nil {
            self.waiting[key]?.completions.append(completion)
            return (false, nil)
        }
        self.waiting[key] = ([], now)
        return (true, nil)
    }

    /// - Returns: those who wait.
    mutating func finish(_ key: Key, _ result: PublishResult) -> [Completion] {
        guard let waiting = self.waiting.removeValue(forKey: key) else { return [] }
        self.results[key] = (result, waiting.time)
        self.ages.append((key, waiting.time))
        return waiting.completions
    }

    /// The first of a key has failed: one that is sent again is published again.
    ///
    /// - Returns: those who wait.
    mutating func fail(_ key: Key) -> [Completion] { self.waiting.removeValue(forKey: key)?.completions ?? [] }
}
