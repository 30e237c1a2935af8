package import NIOCore

/// Protects a service that fails: after some failures in a row nothing is asked for a while, then one request is a
/// trial. A pure state; the caller has the clock.
package struct CircuitBreaker {
    private enum State {
        case closed(failures: Int)
        case open(until: NIODeadline)
        /// A trial is under way.
        case halfOpen
    }

    private let threshold: Int
    private let pause: TimeAmount
    private var state = State.closed(failures: 0)

    /// - Parameters:
    ///   - threshold: failures in a row. Default: 5.
    ///   - pause: the time for which nothing is asked. Default: 10 s.
    package init(threshold: Int = 5, pause: TimeAmount = .seconds(10)) {
        self.threshold = threshold
        self.pause = pause
    }

    /// - Returns: whether to ask. If so, the caller reports the outcome.
    package mutating func mayAsk(at now: NIODeadline) -> Bool {
        switch self.state {
        case .closed: return true
        case .halfOpen: return false
        case .open(let until):
            guard now >= until else { return false }
            self.state = .halfOpen
            return true
        }
    }

    package mutating func succeeded() { self.state = .closed(failures: 0) }

    /// Notes that a request neither succeeded nor failed. If it was the trial, the next request is the trial.
    package mutating func abandoned() {
        if case .halfOpen = self.state { self.state = .open(until: .uptimeNanoseconds(0)) }
    }

    /// - Returns: whether nothing is asked from now on.
    package mutating func failed(at now: NIODeadline) -> Bool {
        switch self.state {
        case .closed(let failures) where failures + 1 < self.threshold:
            self.state = .closed(failures: failures + 1)
            return false
        case .closed, .halfOpen:
            self.state = .open(until: now + self.pause)
            return true
        case .open: return false
        }
    }
}
