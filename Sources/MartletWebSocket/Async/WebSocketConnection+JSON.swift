import FoundationEssentials
import NIOCore

extension WebSocketConnection {
    /// The messages decoded from JSON, text or binary.
    ///
    /// Throws ``WebSocketError`` with the code `invalidMessage` at the first message that is not a `Value`.
    public func messages<Value: Decodable & Sendable>(
        as type: Value.Type
    ) -> AsyncThrowingMapSequence<WebSocketMessages, Value> {
        self.messages.map { message in
            let data =
                switch message {
                case .text(let text): Data(text.utf8)
                case .binary(let bytes): Data(bytes.readableBytesView)
                }
            do { return try JSONDecoder().decode(type, from: data) } catch {
                throw WebSocketError(.invalidMessage, reason: "a message is not JSON of a \(type)", cause: error)
            }
        }
    }
}
