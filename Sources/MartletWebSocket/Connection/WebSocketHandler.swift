public import MartletProtocol

/// Receives the events of one connection, on its event loop: no tasks, no copies, no allocation for each message.
///
/// Everything here runs on the event loop and must not block it. For code that waits, use ``WebSocketConnection``.
public protocol WebSocketHandler: AnyObject {
    /// Whether messages are gathered until they are whole, the default, or come part by part as
    /// ``received(_:_:on:)-(MessagePart,_,_)``. Read once.
    var delivery: MessageDecoder.Delivery { get }

    /// Tells the handler that the connection is open; sending is allowed from here on.
    func opened(_ socket: WebSocket)

    /// Receives a message.
    ///
    /// - Parameter payload: valid during the call only. Text is valid UTF-8.
    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket)

    /// Receives a part of a message, only if ``delivery`` is `parts`; a message in one piece is still delivered whole.
    ///
    /// - Parameter payload: valid during the call only. Text is valid UTF-8, but may be cut within a character.
    func received(_ part: MessagePart, _ payload: RawSpan, on socket: WebSocket)

    /// Receives a pong, whether it answers ``WebSocket/ping(_:)`` or not.
    func receivedPong(_ payload: RawSpan, on socket: WebSocket)

    /// Tells the handler that everything that waited has been written: the connection is writable again.
    func drained(_ socket: WebSocket)

    /// Tells the handler that the connection has ended, whatever the cause; called once, and last.
    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation)
}

extension WebSocketHandler {
    public var delivery: MessageDecoder.Delivery { .whole }
    public func received(_ part: MessagePart, _ payload: RawSpan, on socket: WebSocket) {}
    public func opened(_ socket: WebSocket) {}
    public func receivedPong(_ payload: RawSpan, on socket: WebSocket) {}
    public func drained(_ socket: WebSocket) {}
    public func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {}
}
