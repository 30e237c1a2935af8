/// The messages of a ``WebSocketConnection``, each to be read chunk by chunk.
public struct WebSocketStreamedMessages: AsyncSequence, Sendable {
    let inbox: Inbox

    public struct AsyncIterator: AsyncIteratorProtocol {
        let inbox: Inbox

        public mutating func next() async throws -> WebSocketIncomingMessage? {
            try await self.inbox.nextStream().map { WebSocketIncomingMessage($0, inbox: self.inbox) }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbox: self.inbox) }
}
