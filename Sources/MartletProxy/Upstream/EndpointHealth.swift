import NIOCore

/// Whether an endpoint gets requests: what its answers said (passive) and what checks said (active).
struct EndpointHealth: Sendable {
    private let failuresBeforeEjection: Int
    private let ejectionTime: TimeAmount
    private let slowStart: TimeAmount
    private let healthyAfter: Int
    private let unhealthyAfter: Int
    private var failures = 0
    private var ejectedUntil: NIODeadline?
    /// What the active checks say; well until they say otherwise.
    private(set) var isWell = true
    private var checksAgainst = 0
    /// When it last became available again.
    private var startedAt: NIODeadline?

    /// - Parameters:
    ///   - previous: what was known before the settings changed.
    ///   - isSameCheck: whether the checks are the same as before, so that what they said counts.
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
        if isSameCheck { self.isWell = previous.isWell }
    }

    mutating func isAvailable(at now: NIODeadline) -> Bool {
        if let until = self.ejectedUntil {
            guard now >= until else { return false }
            self.ejectedUntil = nil
            self.failures = 0
            self.startedAt = now
        }
        return self.isWell
    }

    /// 0.1 … 1: the part of its weight that counts.
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

    mutating func checked(isWell: Bool, at now: NIODeadline) -> Bool {
        guard isWell != self.isWell else {
            self.checksAgainst = 0
            return false
        }
        self.checksAgainst += 1
        guard self.checksAgainst >= (isWell ? self.healthyAfter : self.unhealthyAfter) else { return false }
        self.checksAgainst = 0
        self.isWell = isWell
        if isWell {
            self.startedAt = now
            self.ejectedUntil = nil
            self.failures = 0
        }
        return true
    }
}
