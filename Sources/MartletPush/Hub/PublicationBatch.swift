import MartletWebSocket

/// Publications of one channel that go out together, encoded once for all sessions of an event loop.
struct PublicationBatch {
    private(set) var webSocketFrames = PreparedBatch()

    var count: Int { self.webSocketFrames.count }

    mutating func append(_ message: String) { self.webSocketFrames.append(text: message) }
}
