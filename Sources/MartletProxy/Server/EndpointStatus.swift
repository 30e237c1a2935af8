/// The state of an upstream server as the proxy sees it.
public struct EndpointStatus: Sendable, Hashable, Codable {
    /// The upstream that it belongs to.
    public let upstream: String
    public let url: String
    /// Whether it gets requests.
    public let isAvailable: Bool
    /// The number of requests and tunnels under way.
    public let active: Int
}
