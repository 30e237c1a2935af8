public import MartletProtocol

/// Receives what happens on one connection, on its event loop: no tasks, no copies, no allocation a message.
///
/// Everything here runs on the event loop and must not block it. For code that waits, use ``WebSocketConnection``.
public protocol WebSocketHandler: AnyObject {
    /// Whether messages are gathered until they are whole, the default, or come part by part as
    /// ``received(_:_:on:)-(MessagePart,_,_)``. Asked once.
    var delivery: MessageDecoder.Delivery { get }

    /// The connection is open; sending is allowed from here on.
    func opened(_ socket: WebSocket)

    /// A message came in.
    ///
    /// - Parameter payload: valid during the call only. Text is checked UTF-8.
    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket)

    /// A part of a message came in, with ``delivery`` `parts` only; a message that came in one piece still comes whole.
    ///
    /// - Parameter payload: valid during the call only. Text is checked, but may be cut within a character.
    func received(_ part: MessagePart, _ payload: RawSpan, on socket: WebSocket)

    /// A pong came in, asked for by ``WebSocket/ping(_:)`` or not.
    func receivedPong(_ payload: RawSpan, on socket: WebSocket)

    /// Everything that waited has been written: there is room again.
    func drained(_ socket: WebSocket)

    /// The connection has ended, however it ended. Called once, the last call.
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
