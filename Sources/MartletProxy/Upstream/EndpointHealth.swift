import NIOCore

/// The health of an upstream server, from its answers (passive) and from checks (active): whether it gets requests.
struct EndpointHealth: Sendable {
    private let failuresBeforeEjection: Int
    private let ejectionTime: TimeAmount
    private let slowStart: TimeAmount
    private let healthyAfter: Int
    private let unhealthyAfter: Int
    private var failures = 0
    private var ejectedUntil: NIODeadline?
    /// Whether the active checks find the server healthy; `true` until they say otherwise.
    private(set) var isHealthy = true
    private var checksAgainst = 0
    /// The time at which the server last became available again.
    private var startedAt: NIODeadline?

    /// - Parameters:
    ///   - previous: what was known before the settings changed.
    ///   - isSameCheck: whether the checks are the same as before, so that their results still apply.
    init(_ settings: UpstreamConfiguration, previous: EndpointHealth? = nil, isSameCheck: Bool = false) {
        self.failuresBeforeEjection = settings.failuresBeforeEjection
        self.ejectionTime = settings.ejectionTime
        self.slowStart = settings.slowStart
        self.healthyAfter = settings.healthCheck?.healthyAfter ?? 1
        self.unhealthyAfter = settings.healthCheck?.unhealthyAfter ?? 1
        guard let previous else { return }
        self.failures = previous.failures
        self.ejectedUntil = previous.ejectedUntil
        self.startedAt = previous.startedAt
        if isSameCheck { self.isHealthy = previous.isHealthy }
    }

    mutating func isAvailable(at now: NIODeadline) -> Bool {
        if let until = self.ejectedUntil {
            guard now >= until else { return false }
            self.ejectedUntil = nil
            self.failures = 0
            self.startedAt = now
        }
        return self.isHealthy
    }

    /// Returns the part of the weight that applies while the server starts slowly: 0.1 … 1.
    func share(at now: NIODeadline) -> Double {
        guard let startedAt = self.startedAt, self.slowStart > .zero else { return 1 }
        let part = Double((now - startedAt).nanoseconds) / Double(self.slowStart.nanoseconds)
        return min(max(part, 0.1), 1)
    }

    mutating func succeeded() { self.failures = 0 }

    mutating func failed(at now: NIODeadline) -> Bool {
        self.failures += 1
        guard self.failuresBeforeEjection > 0, self.failures >= self.failuresBeforeEjection, self.ejectedUntil == nil
        else { return false }
        self.ejectedUntil = now + self.ejectionTime
        return true
    }

    mutating func checked(isHealthy: Bool, at now: NIODeadline) -> Bool {
        guard isHealthy != self.isHealthy else {
            self.checksAgainst = 0
            return false
        }
        self.checksAgainst += 1
        guard self.checksAgainst >= (isHealthy ? self.healthyAfter : self.unhealthyAfter) else { return false }
        self.checksAgainst = 0
        self.isHealthy = isHealthy
        if isHealthy {
            self.startedAt = now
            self.ejectedUntil = nil
            self.failures = 0
        }
        return true
    }
}
