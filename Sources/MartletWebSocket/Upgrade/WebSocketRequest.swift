public import HTTPTypes
import MartletHTTP
public import NIOCore

/// The request that asks for a WebSocket, as hooks and handlers see it.
public struct WebSocketRequest: Sendable {
    public let head: HTTPRequest
    /// The address of the other end of the TCP connection: a reverse proxy's, if there is one.
    public let remoteAddress: SocketAddress?
    /// The IP address of the client, as far as trusted proxies tell; `nil` on a Unix domain socket.
    public let clientAddress: String?
    /// Whether the client's connection uses TLS, to this server or to a trusted proxy.
    public let isSecure: Bool
    /// The subprotocol that was chosen from those that the client offered; `nil` for none.
    public internal(set) var subprotocol: String?

    /// - Parameter client: the identity of the client that sent it.
    init(_ head: HTTPRequest, _ client: ClientIdentity, remoteAddress: SocketAddress?) {
        var head = head
        if let authority = client.authority { head.authority = authority }
        self.head = head
        self.remoteAddress = remoteAddress
        self.clientAddress = client.address
        self.isSecure = client.isClientSecure
    }

    /// The path without its query: `/ws`.
    public var path: String { Self.path(of: self.head) }

    /// Returns the path of a request without its query, to look up an endpoint.
    public static func path(of head: HTTPRequest) -> String {
        String((head.path ?? "/").prefix { $0 != "?" && $0 != "#" })
    }
}
