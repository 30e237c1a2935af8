public import MartletProtocol

/// Receives what happens on one connection, on its event loop: no tasks, no copies, no allocation a message.
///
/// Everything here runs on the event loop and must not block it. For code that waits, use ``WebSocketConnection``.
public protocol WebSocketHandler: AnyObject {
    /// The connection is open; sending is allowed from here on.
    func opened(_ socket: WebSocket)

    /// A message came in.
    ///
    /// - Parameter payload: valid during the call only. Text is checked UTF-8.
    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket)

    /// A pong came in, asked for by ``WebSocket/ping(_:)`` or not.
    func receivedPong(_ payload: RawSpan, on socket: WebSocket)

    /// Everything that waited has been written: there is room again.
    func drained(_ socket: WebSocket)

    /// The connection has ended, however it ended. Called once, the last call.
    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation)
}

extension WebSocketHandler {
    public func opened(_ socket: WebSocket) {}
    public func receivedPong(_ payload: RawSpan, on socket: WebSocket) {}
    public func drained(_ socket: WebSocket) {}
    public func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {}
}
