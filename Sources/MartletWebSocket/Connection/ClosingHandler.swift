import MartletProtocol

/// A `ClosingHandler` holds messages of its own that wait to be sent, and closes the connection after them when the
/// server shuts down.
protocol ClosingHandler: WebSocketHandler {
    func close(_ code: CloseCode, reason: String)
}
