import MartletConfiguration
import NIOCore

extension UpstreamConfiguration {
    init(_ node: ConfigurationNode) throws {
        let members = try node.members([
            "endpoints", "balance", "healthCheck", "failuresBeforeEjection", "ejectionTime", "slowStart",
            "connectTimeout", "keptConnections", "keepAliveTimeout", "proxyProtocol", "tls",
        ])
        self.init(endpoints: try members.required("endpoints").elements().map { try Endpoint($0) })
        try members.read("balance", into: &self.balance) { try Balance($0) }
        try members.read("healthCheck", into: &self.healthCheck) { try HealthCheck($0) }
        try members.read("failuresBeforeEjection", into: &self.failuresBeforeEjection) { try $0.int(0...1_000_000) }
        try members.read("ejectionTime", into: &self.ejectionTime) { try $0.duration() }
        try members.read("slowStart", into: &self.slowStart) { try $0.duration() }
        try members.read("connectTimeout", into: &self.connectTimeout) { try $0.timeout() }
        try members.read("keptConnections", into: &self.keptConnections) { try $0.int(0...10_000) }
        try members.read("keepAliveTimeout", into: &self.keepAliveTimeout) { try $0.duration() }
        try members.read("proxyProtocol", into: &self.proxyProtocol) { node in
            switch try node.string() {
            case "v1": .v1
            case "v2": .v2
            default: throw node.error("expected v1 or v2")
            }
        }
        try members.read("tls", into: &self.tls) { try TLS($0) }
    }
}

extension UpstreamConfiguration.Endpoint {
    /// A mapping, or the URL alone.
    init(_ node: ConfigurationNode) throws {
        guard node.isMapping else {
            self.init(url: try node.url())
            return
        }
        let members = try node.members(["url", "weight"])
        self.init(url: try members.required("url").url())
        try members.read("weight", into: &self.weight) { try $0.int(1...1000) }
    }
}

extension UpstreamConfiguration.Balance {
    init(_ node: ConfigurationNode) throws {
        guard node.isMapping else {
            switch try node.string() {
            case "roundRobin": self = .roundRobin
            case "leastConnections": self = .leastConnections
            case "clientAddress": self = .consistentHash(.clientAddress)
            default:
                throw node.error(
                    "expected roundRobin, leastConnections, clientAddress, or header, cookie or query: NAME")
            }
            return
        }
        let members = try node.members(["header", "cookie", "query"])
        if let name = try members["header"]?.string() {
            self = .consistentHash(.header(name))
        } else if let name = try members["cookie"]?.string() {
            self = .consistentHash(.cookie(name))
        } else if let name = try members["query"]?.string() {
            self = .consistentHash(.query(name))
        } else {
            throw node.error("one of header, cookie and query is needed")
        }
    }
}

extension UpstreamConfiguration.HealthCheck {
    init(_ node: ConfigurationNode) throws {
        let members = try node.members(["path", "interval", "timeout", "healthyAfter", "unhealthyAfter"])
        self.init()
        try members.read("path", into: &self.path) { try $0.urlPath() }
        try members.read("interval", into: &self.interval) { node in
            let interval = try node.duration()
            guard interval >= .milliseconds(100) else { throw node.error("at least 100ms") }
            return interval
        }
        try members.read("timeout", into: &self.timeout) { try $0.timeout() }
        try members.read("healthyAfter", into: &self.healthyAfter) { try $0.int(1...1000) }
        try members.read("unhealthyAfter", into: &self.unhealthyAfter) { try $0.int(1...1000) }
    }
}

extension UpstreamConfiguration.TLS {
    init(_ node: ConfigurationNode) throws {
        let members = try node.members(["authorities", "serverName", "certificate", "key", "verify"])
        self.init()
        try members.read("authorities", into: &self.authorities) { try $0.string() }
        try members.read("serverName", into: &self.serverName) { try $0.string() }
        try members.read("certificate", into: &self.certificate) { try $0.string() }
        try members.read("key", into: &self.key) { try $0.string() }
        try members.read("verify", into: &self.isVerified) { try $0.bool() }
    }
}
