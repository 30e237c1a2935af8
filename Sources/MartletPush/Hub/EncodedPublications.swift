package import MartletWebSocket
package import NIOCore

/// Publications as they go out on the wire, for as many sessions as take the same bytes.
package struct EncodedPublications: Sendable {
    package enum Wire: Sendable {
        /// Messages of a WebSocket, one for each publication.
        case messages(PreparedBatch)
        /// Bytes of a stream, or the body of an answer.
        case bytes(ByteBuffer)
    }

    package let wire: Wire
    /// The number of publications.
    package let count: Int

    package init(_ messages: PreparedBatch) {
        self.wire = .messages(messages)
        self.count = messages.count
    }

    package init(_ bytes: ByteBuffer, count: Int) {
        self.wire = .bytes(bytes)
        self.count = count
    }

    package init(text: String) {
        var messages = PreparedBatch()
        messages.append(text: text)
        self.init(messages)
    }
}
