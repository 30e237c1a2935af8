package import FoundationEssentials
package import Logging
import MartletPush
import MartletService
package import NIOCore
import Synchronization

/// A JWK set that another service serves, and may change at any time.
///
/// A token with an unknown key waits until the set has been fetched again, at most once a second, however many such
/// tokens come: so no valid token is refused while keys are exchanged, and made-up tokens cause no load. Keys that are
/// exchanged under the same name, or without one, are found by the first token that they signed.
package final class RemoteJWTKeys: JWTKeySource {
    private static let pause = TimeAmount.seconds(1)
    /// The time between two fetches for signatures that fit no key: made-up tokens must not slow down the others.
    private static let renewalPause = TimeAmount.seconds(5)
    /// The number of fetches that a token with an unknown key waits for: one may have begun before the key was there.
    private static let attempts = 2

    private struct State {
        var keys: JWTKeySet?
        /// The time of the last fetch that succeeded.
        var fetchedAt: NIODeadline?
        /// The time at which the last fetch began.
        var triedAt: NIODeadline?
        /// The number of fetches that have succeeded.
        var fetchCount = 0
        var renewedAt: NIODeadline?
        var fetching: Task<Void, Never>?
    }

    private let url: String
    private let refreshInterval: TimeAmount
    private let logger: Logger
    private let now: @Sendable () -> NIODeadline
    private let sleep: @Sendable (TimeAmount) async -> Void
    private let fetch: @Sendable () async throws -> Data
    private let state = Mutex(State())

    package init(
        url: String, refreshInterval: TimeAmount, logger: Logger,
        now: @escaping @Sendable () -> NIODeadline = { .now() },
        sleep: @escaping @Sendable (TimeAmount) async -> Void = {
            try? await Task.sleep(for: .nanoseconds($0.nanoseconds))
        },
        fetch: @escaping @Sendable () async throws -> Data
    ) {
        self.url = url
        self.refreshInterval = refreshInterval
        self.logger = logger
        self.now = now
        self.sleep = sleep
        self.fetch = fetch
    }

    package func keys(for id: String?) async throws -> JWTKeySet {
        var attempts = 0
        let fetchCount = self.state.withLock { $0.fetchCount }
        while true {
            let (keys, age, ageTried) = self.state.withLock { state in
                let fetchedAt = state.fetchedAt ?? self.now()
                return (
                    state.keys, state.fetchedAt.map { self.now() - $0 }, (state.triedAt ?? fetchedAt) - fetchedAt
                )
            }
            // A name is unknown only if the set was fetched after the token came.
            let isNew = self.state.withLock { $0.fetchCount } > fetchCount
            if let keys, let age, keys.knows(id) || attempts == Self.attempts && isNew {
                if age >= self.refreshInterval, attempts == 0 {
                    let refresh = self.refresh()
                    // Keys that were not used for long may have been withdrawn. While the service fails, only one token
                    // waits for it.
                    let long = TimeAmount.nanoseconds(self.refreshInterval.nanoseconds * 2)
                    if age >= long, ageTried < long {
                        await refresh.value
                        attempts = Self.attempts
                        continue
                    }
                }
                return keys
            }
            guard attempts < Self.attempts else {
                throw PushUnavailable(reason: "the keys of tokens are not available")
            }
            attempts += 1
            await self.refresh().value
        }
    }

    package func renewedKeys() async -> JWTKeySet? {
        let count = self.state.withLock { state -> Int? in
            if state.fetching != nil { return state.fetchCount }
            if let last = state.renewedAt, self.now() - last < Self.renewalPause { return nil }
            state.renewedAt = self.now()
            return state.fetchCount
        }
        guard let count else { return nil }
        await self.refresh().value
        return self.state.withLock { state in
            // The fetch failed: the next token may try again.
            if state.fetchCount == count { state.renewedAt = nil }
            return state.keys
        }
    }

    /// The fetch that is under way, or a new one.
    private func refresh() -> Task<Void, Never> {
        self.state.withLock { state in
            if let fetching = state.fetching { return fetching }
            let wait = state.triedAt.map { $0 + Self.pause - self.now() } ?? .zero
            let task = Task { await self.refresh(after: wait) }
            state.fetching = task
            return task
        }
    }

    private func refresh(after wait: TimeAmount) async {
        if wait > .zero { await self.sleep(wait) }
        self.state.withLock { $0.triedAt = self.now() }
        var result: Result<JWTKeySet, any Error>
        do {
            result = .success(try await JWTKeySet(json: try await self.fetch(), mayHoldSecrets: false))
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let keys):
            self.logger.debug(
                "fetched the keys of tokens",
                metadata: ["url": "\(LoggedURL.text("\(self.url)"))", "count": "\(keys.count)"])
            for problem in keys.problems {
                self.logger.warning(
                    "a key is not used", metadata: ["url": "\(LoggedURL.text("\(self.url)"))", "reason": "\(problem)"])
            }
        case .failure(let error):
            self.logger.warning(
                "cannot fetch the keys of tokens; the previous keys stay in use",
                metadata: ["url": "\(LoggedURL.text("\(self.url)"))", "error": "\(error)"])
        }
        self.state.withLock { state in
            state.fetching = nil
            guard case .success(let keys) = result else { return }
            state.keys = keys
            state.fetchCount += 1
            state.fetchedAt = self.now()
        }
    }
}
