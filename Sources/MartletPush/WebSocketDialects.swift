import MartletWebSocket

/// The dialects that clients may speak over a WebSocket: a new dialect is a folder in `Dialect/`, and a line here.
enum WebSocketDialects {
    private typealias Entry = (subprotocol: String, make: @Sendable (WebSocketRequest) -> any Dialect)

    /// The dialects by the subprotocol that a client asks for, the preferred one first.
    private static let bySubprotocol: [Entry] = [
        (EventStreamRequest.subprotocol, { EventStreamDialect(head: $0.head) })
    ]

    static let subprotocols = Self.bySubprotocol.map(\.subprotocol)

    /// The dialect of a client; without a subprotocol it is the register dialect.
    static func dialect(for request: WebSocketRequest) -> any Dialect {
        guard let name = request.subprotocol else { return RegisterDialect() }
        return Self.bySubprotocol.first { $0.subprotocol == name }?.make(request) ?? RegisterDialect()
    }
}
