package import MartletProtocol

/// A `ClosingHandler` closes the connection by itself when the server shuts down, after messages that it still has to
/// send.
package protocol ClosingHandler: WebSocketHandler {
    func close(_ code: CloseCode, reason: String)
}
