public import MartletProtocol
public import NIOCore

extension WebSocketConnection {
    /// The messages, each to be read chunk by chunk as it arrives, so that one may be larger than the memory; raise
    /// `MessageLimits.maximumMessageSize` for that.
    ///
    /// ```swift
    /// for try await message in socket.streamedMessages {
    ///     for try await chunk in message.chunks { try await file.write(chunk) }
    /// }
    /// ```
    public var streamedMessages: WebSocketStreamedMessages { WebSocketStreamedMessages(inbox: self.inbox) }

    /// Sends one message, whose length need not be known, piece by piece. Pings can be sent between the pieces; the
    /// messages of other tasks wait until it is complete.
    ///
    /// If `body` throws, the connection is aborted: the peer sees 1006 and no truncated message.
    ///
    /// ```swift
    /// try await socket.withMessageWriter(.binary) { writer in
    ///     for try await chunk in file { try await writer.write(chunk) }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - kind: the kind of the message; with text, the pieces together must be UTF-8, which is not checked.
    ///   - compress: `false` to send it uncompressed even if compression was agreed on.
    public func withMessageWriter<Result>(
        _ kind: MessageKind = .binary,
        compress: Bool = true,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (WebSocketMessageWriter) async throws -> Result
    ) async throws -> Result {
        try await self.outbox.beginWriter()
        let writer = WebSocketMessageWriter(
            connection: self, kind: kind, compress: compress, pieceSize: self.writerPieceSize)
        do {
            let result = try await body(writer)
            try await writer.finish()
            if self.outbox.endWriter() { self.flush() }
            return result
        } catch {
            let reason = "a message could not be written completely: \(error)"
            self.outbox.close(WebSocketError(.closed, reason: reason))  // nothing may follow half a message
            self.abort(reason: reason)
            _ = self.outbox.endWriter()
            throw error
        }
    }

    /// Sends the bytes of a sequence as one message, piece by piece.
    public func send<Chunks: AsyncSequence>(
        _ kind: MessageKind = .binary, chunks: Chunks, compress: Bool = true
    ) async throws where Chunks.Element == ByteBuffer {
        try await self.withMessageWriter(kind, compress: compress) { writer in
            for try await chunk in chunks { try await writer.write(chunk) }
        }
    }

    func write(_ part: MessagePart, _ bytes: ByteBuffer, compress: Bool) async throws {
        if try await self.outbox.write(part, bytes, compress: compress) { self.flush() }
    }
}
