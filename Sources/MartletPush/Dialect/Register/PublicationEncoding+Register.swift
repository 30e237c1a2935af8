import MartletWebSocket

extension PublicationEncoding {
    /// The encoding of the register dialect: each message as it is, as a text message of a WebSocket.
    static let register = PublicationEncoding(over: .websocket) { batch in
        var messages = PreparedBatch()
        for publication in batch.publications { messages.append(text: publication.data) }
        return EncodedPublications(messages)
    }
}
