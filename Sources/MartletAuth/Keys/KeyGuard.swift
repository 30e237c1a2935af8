import MartletHTTP
import MartletPush
package import NIOCore
import Synchronization

/// A `KeyGuard` slows down addresses that show wrong keys or passwords: guessing one takes for ever, and a flood of
/// them costs little.
///
/// An address that has shown wrong ones too often is refused before what it shows is looked at, so that guessing does
/// not reveal whether this one is right. Who has shown a right key from an address before goes on working with it: a
/// stranger behind the same address shuts nobody out.
package final class KeyGuard: Sendable {
    /// Wrong keys that an address may show: this many at once, and so many a second.
    private static let limit = RateLimit(perSecond: 0.2, burst: 10)
    /// Addresses that are remembered, and right keys with their addresses.
    private static let memory = 10_000
    private static let sweepPause = TimeAmount.seconds(10)

    private struct State {
        var mistakes: [String: TokenBucket] = [:]
        var sweptAt = NIODeadline.uptimeNanoseconds(0)
        /// The fingerprints of right keys and their addresses, and the order in which they came.
        var known: Set<Int> = []
        var order: [Int] = []
        var next = 0
    }

    private let state = Mutex(State())
    private let isQuietFlag = Atomic(true)
    private let now: @Sendable () -> NIODeadline

    package init(now: @escaping @Sendable () -> NIODeadline = { .now() }) { self.now = now }

    /// Whether no address has shown a wrong key lately.
    package var isQuiet: Bool { self.isQuietFlag.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - address: the client's address; `nil` for one without, on a Unix domain socket.
    ///   - shown: what the request shows: keys, or a password.
    /// - Returns: the seconds after which the address may try again; `nil` if what it shows may be looked at.
    package func refusal(of address: String?, showing shown: [String]) -> Int? {
        guard !self.isQuiet else { return nil }
        let address = Self.name(address)
        let fingerprint = Self.fingerprint(address, shown)
        return self.state.withLock { state in
            let now = self.now()
            self.sweep(&state, now)
            guard var bucket = state.mistakes[address], !bucket.take(now: now), !state.known.contains(fingerprint)
            else { return nil }
            return bucket.secondsUntilNext
        }
    }

    /// Notes that what an address showed was right.
    package func wasRight(_ address: String?, showing shown: [String]) {
        let fingerprint = Self.fingerprint(Self.name(address), shown)
        self.state.withLock { state in
            guard state.known.insert(fingerprint).inserted else { return }
            if state.order.count < Self.memory {
                state.order.append(fingerprint)
            } else {
                state.known.remove(state.order[state.next])
                state.order[state.next] = fingerprint
                state.next = (state.next + 1) % Self.memory
            }
        }
    }

    /// Notes that what an address showed was wrong.
    package func wasWrong(_ address: String?) {
        let address = Self.name(address)
        self.state.withLock { state in
            let now = self.now()
            self.sweep(&state, now)
            if state.mistakes.count >= Self.memory, state.mistakes[address] == nil {
                // Those that have been quiet the longest cannot be told cheaply: any goes.
                state.mistakes.remove(at: state.mistakes.startIndex)
            }
            _ = state.mistakes[address, default: TokenBucket(Self.limit, now: now)].take(now: now)
            self.isQuietFlag.store(false, ordering: .relaxed)
        }
    }

    private func sweep(_ state: inout State, _ now: NIODeadline) {
        guard now - state.sweptAt >= Self.sweepPause else { return }
        state.sweptAt = now
        state.mistakes = state.mistakes.filter { !$0.value.isFull(now: now) }
        if state.mistakes.isEmpty { self.isQuietFlag.store(true, ordering: .relaxed) }
    }

    private static func name(_ address: String?) -> String { address.map { IPNetwork.client($0) } ?? "-" }

    private static func fingerprint(_ address: String, _ shown: [String]) -> Int {
        var hasher = Hasher()
        hasher.combine(address)
        for value in shown { ExactString(value).hash(into: &hasher) }
        return hasher.finalize()
    }
}
