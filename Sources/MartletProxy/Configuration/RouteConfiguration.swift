public import NIOCore

/// A rule that says which requests go to an upstream, and what is changed on the way.
///
/// Of the routes that match, the one with the most exact host wins (a name, then `*.example.com`, then any), and among
/// these the one with the longest path.
public struct RouteConfiguration: Sendable {
    /// The path that the upstream server sees.
    public enum PathRewrite: Sendable, Hashable {
        /// The path stays as the client sent it, byte for byte.
        case keep
        /// The route's prefix is replaced: by `/`, `/app/x` becomes `/x`.
        case replacePrefix(String)
    }

    /// The `Host` that the upstream server sees.
    public enum HostRewrite: Sendable, Hashable {
        /// The client's. Checks of a WebSocket's origin rely on it.
        case keep
        /// The authority of the endpoint's URL.
        case upstream
        case fixed(String)
    }

    /// The name for logs and metrics. Default: hosts and path.
    public var name: String
    /// The hosts that match: `example.com`, `*.example.com` (one or more labels before it); empty for any. Without ports.
    public var hosts: [String] = []
    /// A prefix of whole segments: `/app` matches `/app` and `/app/x`, not `/apple`. Default: `/`.
    public var path = "/"
    public var upstream: String
    public var rewrite = PathRewrite.keep
    public var host = HostRewrite.keep
    public var requestHeaders = HeaderRules()
    public var responseHeaders = HeaderRules()
    /// Bytes of a request's body; beyond it 413. Default: `nil`, no limit.
    public var maximumBodySize: Int?
    /// The longest time from the whole request to the head of the response; beyond it 504. Default: 60 s.
    public var responseTimeout: TimeAmount = .seconds(60)
    /// The longest time without a byte of the response's body; beyond it the connection is cut. Default: 60 s.
    public var idleTimeout: TimeAmount = .seconds(60)
    public var webSocket = WebSocketPolicy()

    public init(name: String? = nil, hosts: [String] = [], path: String = "/", upstream: String) {
        self.name = name ?? (hosts.joined(separator: ",") + path)
        self.hosts = hosts
        self.path = path
        self.upstream = upstream
    }
}
