import DequeModule
import FoundationEssentials
import MartletPush
import NIOCore

/// The answers of a back end that are still valid, and the questions that it is being asked. A pure state; the caller
/// has the clock and the lock.
struct AuthAnswers {
    typealias Outcome = Result<PushUser?, PushUnavailable>
    typealias Completion = @Sendable (Outcome) -> Void

    struct Key: Hashable, Sendable {
        let token: ExactString
        let events: [ExactString]

        init(_ question: TokenQuestion) {
            self.token = ExactString(question.token)
            self.events = question.events.map { ExactString($0) }
        }

        var cost: Int {
            self.events.reduce(AuthAnswers.entryCost + self.token.value.utf8.count) { $0 + $1.value.utf8.count + 16 }
        }
    }

    enum Answer {
        /// The caller is the first, and is to ask.
        case ask
        /// The completion is called later.
        case wait
        case known(PushUser?)
    }

    /// Bytes of the answers that are kept; beyond it the oldest go early.
    static let byteLimit = 16 << 20
    private static let entryCost = 250

    private struct Entry {
        let user: PushUser?
        let until: NIODeadline
    }

    /// The time for which an answer is valid; zero keeps none.
    let age: TimeAmount
    private var answers: [Key: Entry] = [:]
    /// The answers by their ages, each with its whole cost.
    private var order: Deque<(key: Key, until: NIODeadline, cost: Int)> = []
    private var asked: [Key: [Completion]] = [:]
    private(set) var bytes = 0

    init(age: TimeAmount) { self.age = age }

    mutating func begin(_ key: Key, at now: NIODeadline, _ completion: @escaping Completion) -> Answer {
        while let first = self.order.first, first.until <= now { self.removeOldest() }
        if let known = self.answers[key], known.until > now { return .known(known.user) }
        guard self.asked[key] == nil else {
            self.asked[key]?.append(completion)
            return .wait
        }
        self.asked[key] = [completion]
        return .ask
    }

    /// - Returns: the completions of all that wait for the answer.
    mutating func finish(_ key: Key, _ outcome: Outcome, at now: NIODeadline) -> [Completion] {
        if self.age > .zero, case .success(let user) = outcome {
            // No longer than the user may be one. The list stays in order, and may look at an entry late.
            let validity = user?.expiresAt.map { max($0.timeIntervalSinceNow, 0) } ?? .infinity
            let age = min(Double(self.age.nanoseconds), validity * 1e9)
            self.answers[key] = Entry(user: user, until: now + .nanoseconds(Int64(age)))
            let cost = key.cost + (user?.id.utf8.count ?? 0)
            self.order.append((key, now + self.age, cost))
            self.bytes += cost
            while self.bytes > Self.byteLimit { self.removeOldest() }
        }
        return self.asked.removeValue(forKey: key) ?? []
    }

    private mutating func removeOldest() {
        guard let first = self.order.popFirst() else { return }
        self.bytes -= first.cost
        if let entry = self.answers[first.key], entry.until <= first.until { self.answers[first.key] = nil }
    }
}
