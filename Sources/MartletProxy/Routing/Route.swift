/// A route of the configuration that is in force, and the group that it leads to.
final class Route: Sendable {
    let configuration: RouteConfiguration
    let group: UpstreamGroup
    let tunnelPolicy: TunnelPolicy
    let metrics: RouteMetrics

    init(_ configuration: RouteConfiguration, group: UpstreamGroup) {
        self.configuration = configuration
        self.group = group
        self.metrics = RouteMetrics(route: configuration.name)
        self.tunnelPolicy = configuration.webSocket.tunnelPolicy
    }
}
