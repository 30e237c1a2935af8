import MartletProtocol
import NIOCore

/// A message that a task passes to the event loop to be sent.
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

    /// The way in which a piece of the outbox is sent.
    enum Label: Sendable {
        case message(MessageKind, compress: Bool)
        case part(MessagePart, compress: Bool)
        /// A prepared message, whose bytes are not in the queue.
        case prepared(PreparedMessage)
    }

    /// The length of the payload in bytes.
    var size: Int {
        switch self {
        case .text(let text, _): text.utf8.count
        case .binary(let bytes, _): bytes.readableBytes
        case .prepared(let message): message.payload.readableBytes
        }
    }

    /// Appends the message to a queue.
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
