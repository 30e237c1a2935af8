import MartletProtocol
public import NIOCore

/// Writes one message piece by piece: see ``WebSocketConnection/withMessageWriter(_:compress:isolation:_:)``.
///
/// Only one task may use it at a time.
public final class WebSocketMessageWriter {
    private let connection: WebSocketConnection
    private let kind: MessageKind
    private let compress: Bool
    private let pieceSize: Int
    private var hasBegun = false

    init(connection: WebSocketConnection, kind: MessageKind, compress: Bool, pieceSize: Int) {
        self.connection = connection
        self.kind = kind
        self.compress = compress
        self.pieceSize = pieceSize
    }

    /// Sends the next bytes of the message; waits while the outbound queue is full.
    ///
    /// - Throws: ``WebSocketError`` with the code `closed`; `CancellationError`.
    public func write(_ bytes: ByteBuffer) async throws {
        var rest = bytes
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, self.pieceSize)) {
            try await self.write(piece, isLast: false)
        }
    }

    /// Sends the next characters of a text.
    public func write(_ text: String) async throws { try await self.write(ByteBuffer(string: text)) }

    func finish() async throws { try await self.write(ByteBuffer(), isLast: true) }

    private func write(_ piece: ByteBuffer, isLast: Bool) async throws {
        let part = MessagePart(kind: self.kind, isFirst: !self.hasBegun, isLast: isLast)
        try await self.connection.write(part, piece, compress: self.compress)
        self.hasBegun = true
    }
}

@available(*, unavailable)
extension WebSocketMessageWriter: Sendable {}
