package import NIOCore

/// Protects a service that fails: after some failures in a row nothing is asked for a while, then one request is a
/// trial. A pure state; the caller has the clock.
///
/// Failures of one client are counted as one, so that a client whose requests fail shuts nobody else out; a failure that
/// no client can have caused, such as a refused connection, is counted each time. The trial is not given to a client that
/// has failed, unless nobody else comes.
package struct CircuitBreaker {
    private enum State {
        case closed
        case open(until: NIODeadline)
        /// A trial is under way.
        case halfOpen
    }

    /// The multiple of the threshold at which failures in a row open the breaker, whoever had them.
    private static let manyFailures = 10

    private let threshold: Int
    private let pause: TimeAmount
    private var state = State.closed
    /// Failures since the last success.
    private var failures = 0
    /// Those of them that no client can have caused.
    private var ownFailures = 0
    /// The clients that had the others.
    private var clients: Set<String> = []

    /// - Parameters:
    ///   - threshold: failures in a row. Default: 5.
    ///   - pause: the time for which nothing is asked. Default: 10 s.
    package init(threshold: Int = 5, pause: TimeAmount = .seconds(10)) {
        self.threshold = threshold
        self.pause = pause
    }

    /// - Parameter client: its name, the one with which its failures are noted; `nil` for none.
    /// - Returns: whether to ask. If so, the caller reports the outcome.
    package mutating func mayAsk(for client: String?, at now: NIODeadline) -> Bool {
        switch self.state {
        case .closed: return true
        case .halfOpen: return false
        case .open(let until):
            guard now >= until else { return false }
            let hasFailed = client.map { self.clients.contains($0) } ?? false
            guard !hasFailed || now - until >= self.pause else { return false }
            self.state = .halfOpen
            return true
        }
    }

    package mutating func succeeded() {
        self.state = .closed
        self.failures = 0
        self.ownFailures = 0
        if !self.clients.isEmpty { self.clients = [] }
    }

    /// Notes that a request neither succeeded nor failed. If it was the trial, the next request is the trial.
    package mutating func abandoned() {
        if case .halfOpen = self.state { self.state = .open(until: .uptimeNanoseconds(0)) }
    }

    /// - Parameter client: the client whose request failed; `nil` for a failure that no client can have caused.
    /// - Returns: whether nothing is asked from now on.
    package mutating func failed(for client: String?, at now: NIODeadline) -> Bool {
        self.failures += 1
        if let client {
            if self.clients.count < Self.manyFailures * self.threshold { self.clients.insert(client) }
        } else {
            self.ownFailures += 1
        }
        switch self.state {
        case .open: return false
        case .closed
        where self.ownFailures + self.clients.count < self.threshold
            && self.failures < Self.manyFailures * self.threshold:
            return false
        case .closed, .halfOpen:
            self.state = .open(until: now + self.pause)
            return true
        }
    }
}
