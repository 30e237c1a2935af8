import MartletProtocol
import MartletWebSocket
import NIOCore

/// A session over a WebSocket. Lives on the event loop of its socket.
final class WebSocketTransport: ClosingHandler, TransportConnection {
    private let session: Session
    private var socket: WebSocket?
    private let forwardedAddress: String?

    /// - Parameter address: of the client, where a proxy tells of it.
    init(_ session: Session, address: String?) {
        self.session = session
        self.forwardedAddress = address
    }

    // MARK: WebSocketHandler

    func opened(_ socket: WebSocket) {
        self.socket = socket
        if let policy = self.session.slowClients { socket.overflowPolicy = policy.overflow }
        self.session.opened(on: self)
    }

    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) { self.session.received(payload) }

    /// The service stops.
    func close(_ code: CloseCode, reason: String) {
        self.session.leave { self.socket?.close(code, reason: reason) }
    }

    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {
        self.session.closed(with: information.code)
        self.session.closed("\(information)")  // while the log can still name its client
        self.socket = nil
    }

    // MARK: TransportConnection

    var transport: SessionTransport { .websocket }
    var isOpen: Bool { self.socket?.isOpen ?? false }
    var address: String { self.forwardedAddress ?? self.socket?.remoteAddress?.text ?? "-" }
    var clientAddress: String? { self.forwardedAddress ?? self.socket?.remoteAddress?.ipAddress }
    var queuedBytes: Int { self.socket?.bufferedAmount ?? 0 }

    func send(_ encoded: EncodedPublications) -> Int {
        guard let socket = self.socket, socket.isOpen, case .messages(let messages) = encoded.wire else { return 0 }
        let dropped = socket.droppedMessages
        let taken = socket.send(messages)
        if !socket.isOpen {
            self.session.isTooSlow()
        } else if socket.droppedMessages > dropped {
            self.session.dropped(socket.droppedMessages - dropped)
        }
        return taken
    }

    func sendHeartbeat(_ encoded: EncodedPublications) { _ = self.send(encoded) }

    func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) {
        self.socket?.close(code, reason: reason)
    }

    func pauseReading() { self.socket?.pauseReading() }

    func resumeReading() { self.socket?.resumeReading() }

    // MARK: The fast path

    var socketAddress: UnsafeRawPointer? { self.socket?.memoryAddress }
    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { self.socket?.takeReadyPlace() }

    func finish(_ encoded: EncodedPublications, behind sent: Int) {
        if case .messages(let messages) = encoded.wire { self.socket?.finish(messages, behind: sent) }
    }
}
