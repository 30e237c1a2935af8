/// The messages of a ``WebSocketConnection``, in order.
public struct WebSocketMessages: AsyncSequence, Sendable {
    let inbox: Inbox

    public struct AsyncIterator: AsyncIteratorProtocol {
        let inbox: Inbox

        public mutating func next() async throws -> WebSocketMessage? { try await self.inbox.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbox: self.inbox) }
}
