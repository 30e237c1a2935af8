import HTTPTypes
import Logging
import MartletWebSocket
import NIOCore

/// The event-stream dialect over a WebSocket: each item is a JSON object in a text message, and what the client sends is
/// ignored.
final class EventStreamSocket: WebSocketHandler, EventStreamSink, HeartbeatWheel.Member {
    private let service: PushService
    /// Until it has been read.
    private var head: HTTPRequest?
    private var socket: WebSocket?
    private let forwardedAddress: String?
    private let openedAt = NIODeadline.now()
    private var place: UserPlace?
    private var messages: TokenBucket?
    private var session: EventStreamSession?
    private var spoke: Int?
    /// Only for a token that expires.
    private var expiry: TokenExpiry?

    /// - Parameters:
    ///   - head: of the handshake; its query says who and what.
    ///   - address: of the client, where a proxy tells of it.
    init(service: PushService, head: HTTPRequest, address: String?) {
        self.service = service
        self.head = head
        self.forwardedAddress = address
    }

    private var address: String {
        self.forwardedAddress ?? self.socket?.remoteAddress?.text ?? "-"
    }

    func opened(_ socket: WebSocket) {
        self.socket = socket
        // It comes back and is sent what it missed; with the oldest dropped it would not know.
        socket.overflowPolicy = .close
        self.service.counters.add(to: .sessions(self.transport))
        guard let head = self.head else { return }
        self.head = nil
        let request: EventStreamRequest
        do {
            request = try EventStreamRequest(head, maximumEvents: self.service.limits.eventsPerSession)
        } catch {
            self.refuse(error.reason)
            return
        }
        let eventLoop = socket.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let service = self.service
        Task {
            let decision = await service.user(of: request)
            eventLoop.execute { bound.value.authenticated(decision, request) }
        }
    }

    private func authenticated(_ decision: AccessDecision, _ request: EventStreamRequest) {
        guard let socket = self.socket, socket.isOpen else { return }
        let user: PushUser
        switch decision {
        case .user(let known): user = known
        case .refused: return self.refuse(request.token == nil ? "a token is needed" : "the token was refused")
        case .unavailable: return self.refuse("tokens cannot be checked at the moment", .tryAgainLater)
        }
        switch self.service.admit(user: user.id) {
        case .admitted(let place): self.place = place
        case .refused: return self.refuse("this user has too many connections", .tryAgainLater)
        }
        if let time = user.expiresAt {
            let expiry = TokenExpiry()
            self.expiry = expiry
            expiry.set(time, on: socket.eventLoop) { [weak self] in
                self?.session?.tokenExpired()
                self?.socket?.close(.policyViolation, reason: "the token has expired")
            }
        }
        let session = EventStreamSession(
            service: self.service, user: user.id, events: request.events, sink: self, eventLoop: socket.eventLoop)
        self.session = session
        self.service.counters.add(request.events.count, to: .registrations)
        self.beat()  // the client knows from this that it was let in
        self.spoke = self.service.hub.wheel(on: socket.eventLoop).add(self)
        session.start(after: request.after)
    }

    private func refuse(_ reason: String, _ code: CloseCode = .policyViolation) {
        self.service.counters.add(to: .refusedRegistrations)
        self.service.logger.info(
            "refused an event stream",
            metadata: [
                "reason": "\(reason)", "address": "\(self.address)",
                "transport": "websocket",
            ])
        self.socket?.close(code, reason: reason)
    }

    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
        guard socket.isOpen, !self.service.isWithinRate(&self.messages) else { return }
        self.service.logger.info(
            "closing a session that sends too many messages",
            metadata: [
                "address": "\(self.address)", "transport": "websocket",
                "session": "\(self.session?.id.description ?? "-")",
            ])
        socket.close(.policyViolation, reason: "too many messages")
    }

    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {
        self.expiry?.cancel()
        self.session?.end()  // while it can be told whose it was
        self.session = nil
        self.place = nil
        if let spoke = self.spoke { self.service.hub.wheel(on: socket.eventLoop).remove(self, from: spoke) }
        self.service.counters.add(-1, to: .sessions(self.transport))
        self.socket = nil
    }

    // MARK: HeartbeatWheel.Member

    func beat() { self.socket?.send(text: "{}") }

    // MARK: EventStreamSink

    var transport: SessionTransport { .websocket }

    var carrier: SessionCarrier? {
        self.socket.map { socket in
            SessionCarrier(
                transport: self.transport, address: self.address, queuedBytes: socket.bufferedAmount,
                openedAt: self.openedAt)
        }
    }

    func send(_ items: EventStreamItems) -> Bool {
        guard let socket = self.socket, socket.isOpen else { return false }
        let taken = socket.send(items.messages)
        if !socket.isOpen {
            self.service.counters.add(to: .slowConsumers(self.transport))
            self.service.logger.notice(
                "closing a session that reads too slowly",
                metadata: [
                    "address": "\(self.address)", "transport": "websocket",
                    "session": "\(self.session?.id.description ?? "-")",
                ])
        }
        return taken == items.count
    }

    func drop() { self.socket?.close(.normalClosure, reason: "dropped by the server") }
}
