public import NIOCore

/// A WebSocket as a stream of bytes in both directions, for tunnelling other protocols; the boundaries of messages have
/// no meaning.
public struct WebSocketByteStream: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer

    private let connection: WebSocketConnection

    init(_ connection: WebSocketConnection) { self.connection = connection }

    /// Sends bytes as one binary message. Waits while the outbound queue is full.
    public func write(_ bytes: ByteBuffer) async throws {
        try await self.connection.send(.binary(bytes))
    }

    /// Ends the stream by closing the connection with 1000: WebSocket has no half-closed state.
    public func finish() async { await self.connection.close() }

    /// The iterator over the received bytes until the connection is closed. Throws if it ended in another way.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var messages: WebSocketStreamedMessages.AsyncIterator
        var chunks: WebSocketIncomingMessage.Chunks.AsyncIterator?

        public mutating func next() async throws -> ByteBuffer? {
            while true {
                if let chunk = try await self.chunks?.next() { return chunk }
                self.chunks = nil
                guard let message = try await self.messages.next() else { return nil }
                self.chunks = message.chunks.makeAsyncIterator()
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(messages: self.connection.streamedMessages.makeAsyncIterator())
    }
}

extension WebSocketConnection {
    /// The connection as a stream of bytes. Received text is read as its UTF-8 bytes; bytes are sent as binary
    /// messages.
    public var asByteStream: WebSocketByteStream { WebSocketByteStream(self) }
}
