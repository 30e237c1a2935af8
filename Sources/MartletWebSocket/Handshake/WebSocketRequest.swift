public import HTTPTypes
public import NIOCore

/// The request that asks for a WebSocket, as hooks and handlers see it.
public struct WebSocketRequest: Sendable {
    public let head: HTTPRequest
    public let remoteAddress: SocketAddress?
    /// Whether the connection to us is TLS.
    public let isSecure: Bool
    /// What was chosen from the subprotocols that the client offered.
    public let subprotocol: String?

    /// The path without its query: `/ws`.
    public var path: String { Self.path(of: self.head) }

    /// The path of a request without its query, to look up an endpoint by.
    public static func path(of head: HTTPRequest) -> String {
        String((head.path ?? "/").prefix { $0 != "?" && $0 != "#" })
    }
}
