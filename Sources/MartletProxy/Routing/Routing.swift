/// Everything that a request needs of one configuration. A reload replaces it as a whole; exchanges that have begun
/// keep theirs.
final class Routing: Sendable {
    let configuration: ProxyConfiguration
    let groups: [String: UpstreamGroup]
    private let routes: [Route]
    private let table: RouteTable

    /// - Parameter previous: the routing before a reload. Groups whose configuration has not changed are taken over;
    ///   other groups take over the state of the upstream servers that are still there.
    init(_ configuration: ProxyConfiguration, previous: Routing?) throws {
        try configuration.validate()
        var groups: [String: UpstreamGroup] = [:]
        for (name, upstream) in configuration.upstreams {
            if let kept = previous?.groups[name], kept.configuration == upstream {
                groups[name] = kept
            } else {
                groups[name] = try UpstreamGroup(name: name, upstream, previous: previous?.groups[name])
            }
        }
        self.configuration = configuration
        self.groups = groups
        self.routes = configuration.routes.compactMap { route in
            groups[route.upstream].map { Route(route, group: $0) }
        }
        self.table = RouteTable(configuration.routes)
    }

    func route(host: String, path: String) -> Route? {
        self.table.match(host: host, path: path).map { self.routes[$0] }
    }
}
