import MartletProtocol
import NIOCore

/// What a task hands to the event loop to be sent.
enum OutboundMessage: Sendable {
    case text(String, compress: Bool)
    case binary(ByteBuffer, compress: Bool)
    case prepared(PreparedMessage)

    init(_ message: WebSocketMessage, compress: Bool) {
        switch message {
        case .text(let text): self = .text(text, compress: compress)
        case .binary(let bytes): self = .binary(bytes, compress: compress)
        }
    }

    /// How a piece of the outbox is to be sent.
    enum Label: Sendable {
        case message(MessageKind, compress: Bool)
        case part(MessagePart, compress: Bool)
        /// Its bytes are not in the queue.
        case prepared(PreparedMessage)
    }

    /// Bytes of payload.
    var size: Int {
        switch self {
        case .text(let text, _): text.utf8.count
        case .binary(let bytes, _): bytes.readableBytes
        case .prepared(let message): message.payload.readableBytes
        }
    }

    /// Puts it at the end of a queue.
    func append(to queue: inout OutboundQueue<Label>) {
        switch self {
        case .text(let text, let compress):
            queue.append(.message(.text, compress: compress), length: text.utf8.count, isDroppable: true) {
                $0.writeString(text)
            }
        case .binary(let bytes, let compress):
            queue.append(.message(.binary, compress: compress), length: bytes.readableBytes, isDroppable: true) {
                $0.writeImmutableBuffer(bytes)
            }
        case .prepared(let message):
            queue.append(.prepared(message), length: 0, cost: self.size, isDroppable: true) { _ in }
        }
    }
}
