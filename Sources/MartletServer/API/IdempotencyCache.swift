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
    /// Bytes of what is remembered, names included; beyond it the oldest are removed early.
    static let byteLimit = 32 << 20
    /// The memory of an entry beside its texts. Bytes.
    private static let entryCost = 250

    struct Key: Hashable, Sendable {
        let channel: UserChannel
        private let key: ExactString
        /// The hash of both, which a table that grows asks for again.
        private let digest: Int

        init(channel: UserChannel, key: String) {
            self.channel = channel
            self.key = ExactString(key)
            var hasher = Hasher()
            hasher.combine(channel)
            hasher.combine(self.key)
            self.digest = hasher.finalize()
        }

        static func == (left: Self, right: Self) -> Bool {
            left.digest == right.digest && left.key == right.key && left.channel == right.channel
        }

        func hash(into hasher: inout Hasher) { hasher.combine(self.digest) }

        /// The texts are shared by the table and the list of ages.
        var cost: Int {
            IdempotencyCache.entryCost + self.channel.user.utf8.count + self.channel.event.utf8.count
                + self.key.value.utf8.count
        }
    }

    typealias Completion = @Sendable (Result<PublishResult, BrokerError>) -> Void

    enum Answer {
        /// The caller is the first, and is to publish.
        case first
        /// The completion is called later.
        case waits
        case known(PublishResult)
        /// The key was used for another message.
        case otherMessage
    }

    private struct Entry {
        let result: PublishResult
        let time: NIODeadline
        let message: Int
    }

    private struct Waiting {
        var completions: [Completion] = []
        let time: NIODeadline
        let message: Int
    }

    private var results: [Key: Entry] = [:]
    /// The requests that wait for the first one with their key, and when that began.
    private var waiting: [Key: Waiting] = [:]
    private var ages: Deque<(key: Key, time: NIODeadline)> = []
    private(set) var bytes = 0

    var count: Int { self.results.count }

    /// - Parameters:
    ///   - message: a fingerprint of what is to be published.
    ///   - completion: called when the first request with this key is done, if the answer says so.
    mutating func begin(
        _ key: Key, message: Int, at now: NIODeadline, _ completion: @escaping Completion
    ) -> Answer {
        while let first = self.ages.first, first.time + Self.age <= now { self.removeOldest() }
        if let known = self.results[key] { return known.message == message ? .known(known.result) : .otherMessage }
        if let waiting = self.waiting[key] {
            guard waiting.message == message else { return .otherMessage }
            self.waiting[key]?.completions.append(completion)
            return .waits
        }
        self.waiting[key] = Waiting(time: now, message: message)
        return .first
    }

    /// - Returns: the completions of the requests that wait.
    mutating func finish(_ key: Key, _ result: PublishResult) -> [Completion] {
        guard let waiting = self.waiting.removeValue(forKey: key) else { return [] }
        self.results[key] = Entry(result: result, time: waiting.time, message: waiting.message)
        self.ages.append((key, waiting.time))
        self.bytes += key.cost
        while self.bytes > Self.byteLimit || self.ages.count > Self.limit { self.removeOldest() }
        return waiting.completions
    }

    private mutating func removeOldest() {
        guard let first = self.ages.popFirst() else { return }
        self.bytes -= first.key.cost
        if self.results[first.key]?.time == first.time { self.results[first.key] = nil }
        // A dictionary never shrinks by itself.
        if self.results.isEmpty, self.results.capacity > 64 { self.results = [:] }
    }

    /// Notes that the first request with a key has failed: one that is sent again is published again.
    ///
    /// - Returns: the completions of the requests that wait.
    mutating func fail(_ key: Key) -> [Completion] { self.waiting.removeValue(forKey: key)?.completions ?? [] }
}
