import DequeModule
import MartletPush
import NIOCore

/// The outcomes of publications that came with a key, so that one that is sent again is answered and not published
/// again. The caller has the clock and the lock.
struct IdempotencyCache {
    /// The time for which a key is remembered.
    static let age = TimeAmount.minutes(5)
    /// The number of keys, over all channels; beyond it the oldest are removed early.
    static let limit = 100_000

    struct Key: Hashable, Sendable {
        let channel: UserChannel
        let key: String
    }

    typealias Completion = @Sendable (Result<PublishResult, BrokerError>) -> Void

    private var results: [Key: (result: PublishResult, time: NIODeadline)] = [:]
    /// The requests that wait for the first one with their key, and when that began.
    private var waiting: [Key: (completions: [Completion], time: NIODeadline)] = [:]
    private var ages: Deque<(key: Key, time: NIODeadline)> = []

    /// - Parameter completion: called when the first request with this key is done, unless it was done before.
    /// - Returns: whether the caller is the first, and is to publish; and the result, if it is known.
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

    /// - Returns: the completions of the requests that wait.
    mutating func finish(_ key: Key, _ result: PublishResult) -> [Completion] {
        guard let waiting = self.waiting.removeValue(forKey: key) else { return [] }
        self.results[key] = (result, waiting.time)
        self.ages.append((key, waiting.time))
        return waiting.completions
    }

    /// Notes that the first request with a key has failed: one that is sent again is published again.
    ///
    /// - Returns: the completions of the requests that wait.
    mutating func fail(_ key: Key) -> [Completion] { self.waiting.removeValue(forKey: key)?.completions ?? [] }
}
