import MartletConfiguration
import MartletPush
import MartletWebSocket
import NIOCore

extension HistoryConfiguration {
    mutating func read(_ node: ConfigurationNode) throws {
        let members = try node.members(["size", "age"])
        var problems = ConfigurationProblems()
        problems.gather { try members.read("size", into: &self.size) { try $0.int(0...1_000_000) } }
        problems.gather { try members.read("age", into: &self.age) { try $0.timeout() } }
        try problems.throwAll()
    }
}

extension PushServerConfiguration {
    mutating func readDrain(_ node: ConfigurationNode) throws {
        let members = try node.members(["delay", "time"])
        var problems = ConfigurationProblems()
        problems.gather {
            try members.read("delay", into: &self.drainDelay) { .nanoseconds(try $0.duration().nanoseconds) }
        }
        problems.gather {
            try members.read("time", into: &self.drainTime) { .nanoseconds(try $0.duration().nanoseconds) }
        }
        try problems.throwAll()
    }

    mutating func readLimits(_ node: ConfigurationNode) throws {
        var problems = ConfigurationProblems()
        let members = try node.members(
            [
                "connections", "connectionsPerAddress", "connectionRate", "connectionBurst", "sessionsPerUser",
                "eventsPerSession", "messageRate", "messageBurst", "pushRate", "pushBurst", "bodySize", "queueSize",
                "slowClients",
            ], problems: &problems)
        let counts = 1...10_000_000
        problems.gather { try members.read("connections", into: &self.clients.connections) { try $0.int(counts) } }
        problems.gather {
            try members.read("connectionsPerAddress", into: &self.clients.connectionsPerAddress) { try $0.int(counts) }
        }
        problems.gather {
            try Self.readRate("connectionRate", "connectionBurst", of: members, into: &self.clients.connectionRate)
        }
        problems.gather {
            try members.read("sessionsPerUser", into: &self.limits.sessionsPerUser) { try $0.int(counts) }
        }
        problems.gather {
            try members.read("eventsPerSession", into: &self.limits.eventsPerSession) { try $0.int(1...10_000) }
        }
        problems.gather {
            try Self.readRate("messageRate", "messageBurst", of: members, into: &self.limits.messageRate)
        }
        problems.gather { try Self.readRate("pushRate", "pushBurst", of: members, into: &self.pushRate) }
        problems.gather { try members.read("bodySize", into: &self.maximumBodySize) { try $0.size(1...1 << 30) } }
        problems.gather {
            try members.read("queueSize", into: &self.limits.queueSize) { try $0.size(1024...1 << 30) }
            self.eventStreams.queueSize = self.limits.queueSize
        }
        problems.gather {
            try members.read("slowClients", into: &self.limits.slowClients) { node in
                switch try node.string() {
                case "close": .close
                case "drop-oldest": .dropOldest
                default: throw node.error("expected close or drop-oldest")
                }
            }
        }
        try problems.throwAll()
    }

    /// A rate and how many at once; the latter counts only beside the former, or a rate that is there without it.
    private static func readRate(
        _ name: String, _ burstName: String, of members: ConfigurationMembers, into limit: inout RateLimit?
    ) throws {
        let burst = try members[burstName].map { Double(try $0.int(1...10_000_000)) }
        if let node = members[name] {
            limit = RateLimit(perSecond: try node.rate(), burst: burst)
        } else if let burst, let node = members[burstName] {
            guard limit != nil else { throw node.error("there is no \(name) that this could be the burst of") }
            limit?.burst = burst
        }
    }
}

extension ConfigurationNode {
    func size(_ range: ClosedRange<Int>) throws -> Int {
        let size = try self.size()
        guard range.contains(size) else {
            throw self.error("expected a size from \(range.lowerBound) to \(range.upperBound) bytes")
        }
        return size
    }
}
