import DequeModule
import MartletProtocol
import NIOCore

/// Connects a ``WebSocket`` on its event loop with the ``WebSocketConnection`` that tasks use.
final class ConnectionBridge: ClosingHandler {
    private var connection: WebSocketConnection?
    private let onOpen: (WebSocketConnection) -> Void
    private var socket: WebSocket?
    private struct Ping {
        /// The caller's number of the ping, for ``cancelPing(_:)``.
        let id: UInt64
        let sentAt: NIODeadline
        let continuation: CheckedContinuation<Duration, any Error>
    }

    /// The unanswered pings by the number in their payload, which grows in the order of sending.
    private var pings: [UInt64: Ping] = [:]
    private var pingCount: UInt64 = 0

    var delivery: MessageDecoder.Delivery { .parts }

    /// - Parameter onOpen: receives the connection, on the event loop, once it is open.
    init(onOpen: @escaping (WebSocketConnection) -> Void) { self.onOpen = onOpen }

    func opened(_ socket: WebSocket) {
        self.socket = socket
        let connection = WebSocketConnection(socket: socket, bridge: self)
        self.connection = connection
        self.onOpen(connection)
    }

    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
        let message: WebSocketMessage =
            switch kind {
            case .text: .text(payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
            case .binary: .binary(payload.withUnsafeBytes { ByteBuffer(bytes: $0) })
            }
        if self.connection?.inbox.add(message) == true { socket.pauseReading() }
    }

    func received(_ part: MessagePart, _ payload: RawSpan, on socket: WebSocket) {
        let bytes = payload.withUnsafeBytes { ByteBuffer(bytes: $0) }
        if self.connection?.inbox.add(part, bytes) == true { socket.pauseReading() }
    }

    func receivedPong(_ payload: RawSpan, on socket: WebSocket) {
        if let latency = socket.latency { self.connection?.measured(latency) }
        guard payload.byteCount == 8 else { return }
        let latest = payload.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        // A peer may answer only the latest of several pings (RFC 6455, section 5.5.3).
        let now = socket.eventLoop.now
        for (number, ping) in self.pings where number <= latest {
            self.pings.removeValue(forKey: number)
            ping.continuation.resume(returning: .nanoseconds((now - ping.sentAt).nanoseconds))
        }
    }

    func drained(_ socket: WebSocket) {
        self.connection?.outbox.wrote()
        self.flush()
    }

    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {
        let error = WebSocketError(.closed, reason: "the connection is closed: \(information)")
        for ping in self.pings.values { ping.continuation.resume(throwing: error) }
        self.pings = [:]
        self.connection?.ended(information, error)
        self.connection = nil
        self.socket = nil
    }

    // MARK: Called for tasks

    func resumeReading() { self.socket?.resumeReading() }

    /// Sends what tasks have put in the outbox, with one system call for all of it.
    func flush() {
        guard let socket = self.socket, let connection = self.connection else { return }
        guard socket.isOpen else {
            connection.outbox.close(WebSocketError(.closed, reason: "the connection is closing"))
            return
        }
        while !socket.hasBacklog, self.sendNext(socket, connection) {
            if !socket.hasBacklog { connection.outbox.wrote() }
        }
    }

    /// - Returns: whether there was anything to send.
    private func sendNext(_ socket: WebSocket, _ connection: WebSocketConnection) -> Bool {
        guard let (bytes, pieces, dropped) = connection.outbox.takeAll() else { return false }
        if dropped > 0 { socket.loop.metrics.dropped(dropped, socket.role) }
        socket.corked {
            bytes.withUnsafeReadableBytes { bytes in
                var start = 0
                for piece in pieces {
                    let payload = UnsafeRawBufferPointer(rebasing: bytes[start..<start + piece.length])
                    start += piece.length
                    switch piece.label {
                    case .message(let kind, let compress): socket.write(kind, payload, compress: compress)
                    case .part(let part, let compress): socket.write(part, payload, compress: compress)
                    case .prepared(let message): socket.write(prepared: message)
                    }
                }
            }
        }
        return true
    }

    func abort(reason: String) { self.socket?.abort(reason: reason) }

    func close(_ code: CloseCode, reason: String) {
        guard let socket = self.socket, let connection = self.connection else { return }
        connection.outbox.close(WebSocketError(.closed, reason: "the connection is being closed"))
        guard socket.isOpen else {
            _ = connection.outbox.takeAll()  // nothing may follow a close frame
            return
        }
        while self.sendNext(socket, connection) {}
        socket.close(code, reason: reason)
    }

    func overflowed() {
        self.close(.tryAgainLater, reason: "the peer reads too slowly")
    }

    /// - Parameter id: the caller's number of the ping, for ``cancelPing(_:)``.
    func ping(_ id: UInt64, _ continuation: CheckedContinuation<Duration, any Error>) {
        guard let socket = self.socket, socket.isOpen else {
            continuation.resume(throwing: WebSocketError(.closed, reason: "the connection is closed"))
            return
        }
        self.pingCount += 1
        self.pings[self.pingCount] = Ping(id: id, sentAt: socket.eventLoop.now, continuation: continuation)
        socket.ping(withUnsafeBytes(of: self.pingCount) { Array($0) })
    }

    func cancelPing(_ id: UInt64) {
        guard let number = self.pings.first(where: { $0.value.id == id })?.key else { return }
        self.pings.removeValue(forKey: number)?.continuation.resume(throwing: CancellationError())
    }
}

extension WebSocketConnection {
    /// Returns a handler that makes a ``WebSocketConnection`` of a ``WebSocket``.
    package static func handler(onOpen: @escaping (WebSocketConnection) -> Void) -> any WebSocketHandler {
        ConnectionBridge(onOpen: onOpen)
    }
}
