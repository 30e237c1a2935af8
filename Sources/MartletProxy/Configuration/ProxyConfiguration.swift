public import NIOCore

/// The configuration of a ``ProxyServer``: where it listens, which requests go where, and how.
public struct ProxyConfiguration: Sendable {
    public var listeners: [ListenerConfiguration]
    /// The routes, of which the most exact that matches is chosen, whatever their order: see ``RouteConfiguration``.
    public var routes: [RouteConfiguration]
    /// The groups of servers, by name.
    public var upstreams: [String: UpstreamConfiguration]
    public var accessLog: AccessLogConfiguration?
    /// The address where `/healthz`, `/metrics` and `/upstreams` are served, apart from everything else. Default: none.
    public var admin: ProxyAddress?
    /// The time that `/healthz` answers 503 after SIGTERM before anything else happens. Default: 0.
    public var drainDelay: TimeAmount = .zero
    /// The time after SIGTERM over which WebSockets are closed with 1001 in batches, while plain requests are finished.
    /// Default: 30 s.
    public var drainTimeout: TimeAmount = .seconds(30)
    /// The greatest number of clients' connections, all listeners together. Beyond it a connection is closed at once.
    /// Default: `nil`, as many as the system has descriptors for.
    public var maximumConnections: Int?
    public var client = ClientConfiguration()

    public init(
        listeners: [ListenerConfiguration] = [], routes: [RouteConfiguration] = [],
        upstreams: [String: UpstreamConfiguration] = [:]
    ) {
        self.listeners = listeners
        self.routes = routes
        self.upstreams = upstreams
    }

    /// Everything from `listen` to one server.
    public static func forwarding(_ listen: ProxyAddress, to url: UpstreamURL) -> ProxyConfiguration {
        ProxyConfiguration(
            listeners: [ListenerConfiguration(address: listen)],
            routes: [RouteConfiguration(upstream: "default")],
            upstreams: ["default": UpstreamConfiguration(endpoints: [.init(url: url)])])
    }

    /// - Throws: ``ProxyError`` with the code `configuration`.
    public func validate() throws {
        func require(_ condition: Bool, _ reason: String) throws {
            guard condition else { throw ProxyError(.configuration, reason: reason) }
        }
        try require(!self.listeners.isEmpty, "listeners: at least one is needed")
        try require(!self.routes.isEmpty, "routes: at least one is needed")
        for route in self.routes {
            try require(
                self.upstreams[route.upstream] != nil, "route \(route.name): there is no upstream \(route.upstream)")
        }
        for (name, upstream) in self.upstreams {
            try require(!upstream.endpoints.isEmpty, "upstream \(name): at least one endpoint is needed")
            try require(
                upstream.endpoints.allSatisfy { (1...1000).contains($0.weight) },
                "upstream \(name): weights are 1 to 1,000")
        }
        try require(
            (1024...1_048_576).contains(self.client.maximumHeaderSize), "limits.headerSize: 1KiB to 1MiB")
        let names = self.routes.map(\.name)
        for (index, name) in names.enumerated() where names[..<index].contains(name) {
            throw ProxyError(.configuration, reason: "two routes are called \(name), or match the same requests")
        }
    }
}
