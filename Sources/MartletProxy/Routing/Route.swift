/// A route of the configuration that is in force, and the group that it leads to.
final class Route: Sendable {
    let configuration: RouteConfiguration
    let group: UpstreamGroup
    let tunnelPolicy: TunnelPolicy
    let metrics: RouteMetrics
    /// Whether its WebSockets can be opened by a ``DirectHandshake``.
    let isDirect: Bool

    init(_ configuration: RouteConfiguration, group: UpstreamGroup) {
        self.configuration = configuration
        self.group = group
        self.metrics = RouteMetrics(route: configuration.name)
        let policy = configuration.webSocket
        self.isDirect =
            policy.isAllowed && policy.authenticate == nil && !policy.isCompressed
            && group.configuration.proxyProtocol == nil && group.endpoints.allSatisfy { $0.directAddress != nil }
        self.tunnelPolicy = configuration.webSocket.tunnelPolicy
    }
}
