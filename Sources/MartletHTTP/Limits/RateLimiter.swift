package import NIOCore
import Synchronization

/// Limits how often each name may do something: clients by address, back ends by key. Safe to use from any thread.
package final class RateLimiter: Sendable {
    private struct State {
        var limit: RateLimit?
        var buckets: [String: TokenBucket] = [:]
        var sweepAt = 1024
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> NIODeadline

    /// - Parameter limit: the limit for each name; `nil` for none.
    package init(_ limit: RateLimit?, now: @escaping @Sendable () -> NIODeadline = { .now() }) {
        self.state = Mutex(State(limit: limit))
        self.now = now
    }

    /// The number of names that are remembered.
    package var nameCount: Int { self.state.withLock { $0.buckets.count } }

    /// Sets the limit. A new one forgets all names; the same one changes nothing.
    package func setLimit(_ limit: RateLimit?) {
        self.state.withLock { state in
            guard state.limit != limit else { return }
            state = State(limit: limit)
        }
    }

    /// Counts one use by a name.
    ///
    /// - Returns: `nil` if it is allowed, otherwise the seconds after which it will be.
    package func refusal(of name: String) -> Int? {
        self.state.withLock { state in
            guard let limit = state.limit else { return nil }
            let now = self.now()
            if state.buckets.count >= state.sweepAt {
                state.buckets = state.buckets.filter { !$0.value.isFull(now: now) }
                state.sweepAt = max(1024, state.buckets.count * 2)
            }
            return state.buckets[name, default: TokenBucket(limit, now: now)].refusal(now: now)
        }
    }

    /// Returns what ``refusal(of:)`` would return, without counting a use.
    package func refusalToCome(of name: String) -> Int? {
        self.state.withLock { state in
            var bucket = state.limit == nil ? nil : state.buckets[name]
            return bucket?.refusal(now: self.now())
        }
    }

    /// Counts further uses that have already been allowed.
    package func charge(_ name: String, _ count: Int) {
        guard count > 0 else { return }
        self.state.withLock { state in
            guard let limit = state.limit else { return }
            state.buckets[name, default: TokenBucket(limit, now: self.now())].charge(count)
        }
    }
}

extension TokenBucket {
    fileprivate mutating func refusal(now: NIODeadline) -> Int? {
        self.take(now: now) ? nil : self.secondsUntilNext
    }
}
