import MartletWebSocket
import NIOCore

/// Sends every message back, and `heart beat` at once and now and then until the connection ends.
///
/// A client that sends without reading is not read either, once ``WebSocketConfiguration/outboundQueueLimit`` waits.
final class EchoHandler: WebSocketHandler {
    private static let beat = "heart beat"

    private let heartbeat: TimeAmount?
    private let onMessage: (@Sendable (WebSocketMessage) -> Void)?
    private var beats: RepeatedTask?
    /// Echoes that found the queue full: at most what one read brought.
    private var held: [(MessageKind, ByteBuffer)] = []

    init(heartbeat: TimeAmount?, onMessage: (@Sendable (WebSocketMessage) -> Void)?) {
        self.heartbeat = heartbeat
        self.onMessage = onMessage
    }

    func opened(_ socket: WebSocket) {
        guard let heartbeat = self.heartbeat else { return }
        socket.send(text: Self.beat)
        let bound = NIOLoopBound(socket, eventLoop: socket.eventLoop)
        self.beats = socket.eventLoop.scheduleRepeatedTask(initialDelay: heartbeat, delay: heartbeat) { _ in
            bound.value.send(text: Self.beat)
        }
    }

    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
        if let onMessage {
            let bytes = payload.withUnsafeBytes { ByteBuffer(bytes: $0) }
            onMessage(kind == .text ? .text(String(buffer: bytes)) : .binary(bytes))
        }
        if self.held.isEmpty, socket.send(kind, payload) != .full { return }
        self.held.append((kind, payload.withUnsafeBytes { ByteBuffer(bytes: $0) }))
        socket.pauseReading()
    }

    func drained(_ socket: WebSocket) {
        while let (kind, payload) = self.held.first {
            guard socket.send(kind, payload.readableBytesSpan) != .full else { return }
            self.held.removeFirst()
        }
        socket.resumeReading()
    }

    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {
        self.beats?.cancel()
        self.held = []
    }
}
