public import MartletProtocol
public import NIOCore

/// A message that is read chunk by chunk as it arrives, however long it is: see
/// ``WebSocketConnection/streamedMessages``.
///
/// The connection's next message comes when this one has been read to its end, or when the last reference to it is
/// released; the rest of it is then discarded.
public struct WebSocketIncomingMessage: Sendable {
    public let kind: MessageKind
    /// The bytes of the message, in order. The chunks of a text are valid UTF-8 together, and one may end within a
    /// character. Throws ``WebSocketError`` with the code `closed` when the connection ends before the message.
    public let chunks: Chunks

    init(_ stream: Inbox.Stream, inbox: Inbox) {
        self.kind = stream.kind
        self.chunks = Chunks(reader: Reader(id: stream.id, inbox: inbox))
    }

    /// Gives the message up when it is released.
    final class Reader: Sendable {
        let id: UInt64
        let inbox: Inbox

        init(id: UInt64, inbox: Inbox) {
            self.id = id
            self.inbox = inbox
        }

        deinit { self.inbox.abandon(self.id) }
    }

    public struct Chunks: AsyncSequence, Sendable {
        let reader: Reader

        public struct AsyncIterator: AsyncIteratorProtocol {
            let reader: Reader

            public mutating func next() async throws -> ByteBuffer? {
                try await self.reader.inbox.nextChunk(of: self.reader.id)
            }
        }

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: self.reader) }
    }
}
