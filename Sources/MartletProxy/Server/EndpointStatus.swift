/// An endpoint as the proxy sees it.
public struct EndpointStatus: Sendable, Hashable, Codable {
    /// The upstream that it belongs to.
    public let upstream: String
    public let url: String
    /// Whether it gets requests.
    public let isAvailable: Bool
    /// Requests and tunnels that are under way.
    public let active: Int
}
