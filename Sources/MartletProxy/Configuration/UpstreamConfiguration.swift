public import NIOCore

/// A group of servers that answer the same requests.
public struct UpstreamConfiguration: Sendable, Hashable {
    public struct Endpoint: Sendable, Hashable {
        public var url: UpstreamURL
        /// Its share compared with the others', 1 … 1,000. Default: 1.
        public var weight: Int = 1

        public init(url: UpstreamURL, weight: Int = 1) {
            self.url = url
            self.weight = weight
        }
    }

    /// The part of a request that is hashed, so that equal ones reach the same upstream server.
    public enum HashKey: Sendable, Hashable {
        case header(String)
        case cookie(String)
        case query(String)
        case clientAddress
    }

    public enum Balance: Sendable, Hashable {
        /// The servers take turns, by weight.
        case roundRobin
        /// The server with the fewest requests and tunnels for its weight is chosen.
        case leastConnections
        /// Rendezvous hashing: when an endpoint goes, only its own requests move. A request without the key goes in turn.
        case consistentHash(HashKey)
    }

    /// Requests of our own that say whether an upstream server is healthy.
    public struct HealthCheck: Sendable, Hashable {
        /// The path that is requested. Default: `/`.
        public var path = "/"
        /// The time between two checks. Default: 5 s.
        public var interval: TimeAmount = .seconds(5)
        /// The longest time that an answer may take. Default: 2 s.
        public var timeout: TimeAmount = .seconds(2)
        /// The number of good answers in a row until a server gets requests again. Default: 2.
        public var healthyAfter = 2
        /// The number of bad answers in a row until it gets none. Default: 3.
        public var unhealthyAfter = 3

        public init() {}
    }

    public enum ProxyProtocolVersion: Sendable, Hashable {
        case v1
        case v2
    }

    /// TLS to endpoints with `https`.
    public struct TLS: Sendable, Hashable {
        /// PEM file of the authorities to trust. Default: the system's.
        public var authorities: String?
        /// The name to ask for and check, in place of the URL's host.
        public var serverName: String?
        /// PEM files of our own certificate and key.
        public var certificate: String?
        public var key: String?
        /// Whether the certificate is checked. Default: `true`.
        public var isVerified = true

        public init() {}
    }

    public var endpoints: [Endpoint]
    public var balance = Balance.roundRobin
    public var healthCheck: HealthCheck?
    /// Failures in a row (no connection, no answer in time, a broken one) after which an endpoint is left out; 0 never
    /// does. When all are left out, all are tried. Default: 3.
    public var failuresBeforeEjection = 3
    /// The time that it is left out. Default: 10 s.
    public var ejectionTime: TimeAmount = .seconds(10)
    /// The time in which an upstream server that is healthy again gets its full share. Default: 0.
    public var slowStart: TimeAmount = .zero
    /// The longest time until a server is connected to. Default: 5 s.
    public var connectTimeout: TimeAmount = .seconds(5)
    /// Idle connections kept to each endpoint, each event loop. 0 keeps none. Default: 32.
    public var keptConnections = 32
    /// The time that an idle connection is kept; shorter than what servers allow, which is often 5 s. Default: 4 s.
    public var keepAliveTimeout: TimeAmount = .seconds(4)
    /// Tells an endpoint the client's address first of all; its connections are then used for one client only.
    public var proxyProtocol: ProxyProtocolVersion?
    public var tls = TLS()

    public init(endpoints: [Endpoint]) { self.endpoints = endpoints }
}
