import FoundationEssentials
import Logging
import MartletWebSocket
import NIOCore

/// A connection that speaks the register dialect: it names a token and an event, as often as it likes, and gets the
/// messages of each as text. Lives on its event loop.
final class RegisterSession: WebSocketHandler, Session {
    /// A client that sends this many wrong messages in a row is no client of ours.
    private static let toleratedMistakes = 10
    /// Register messages that may wait for the `authenticate` hook.
    private static let waitingLimit = 64

    private let service: PushService
    private var socket: WebSocket?
    private var user: ExactString?
    private var userPlace: UserPlace?
    private var messages: TokenBucket?
    var places: [UserChannel: Int] = [:]
    let id = SessionID()
    var transport: SessionTransport { .websocket }
    private let forwardedAddress: String?
    private let openedAt = NIODeadline.now()

    private var mistakes = 0
    private var isAuthenticating = false
    private var waiting: [RegisterMessage] = []
    /// Only for a token that expires.
    private var expiry: TokenExpiry?
    private var expiring: (token: String, time: Date)?

    /// - Parameter address: of the client, where a proxy tells of it.
    init(service: PushService, address: String?) {
        self.service = service
        self.forwardedAddress = address
    }

    private var address: String {
        self.forwardedAddress ?? self.socket?.remoteAddress?.text ?? "-"
    }

    private var logMetadata: Logger.Metadata {
        [
            "session": "\(self.id)",
            "address": "\(self.address)",
            "user": "\(self.user.map { SafeText.forLog($0.value) } ?? "-")",
        ]
    }

    // MARK: WebSocketHandler

    func opened(_ socket: WebSocket) {
        self.socket = socket
        self.service.counters.add(to: .sessions(self.transport))
    }

    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
        guard socket.isOpen else { return }
        guard self.service.isWithinRate(&self.messages) else {
            self.service.logger.info("closing a session that sends too many messages", metadata: self.logMetadata)
            return socket.close(.policyViolation, reason: "too many messages")
        }
        let hooks = self.service.hooks
        guard
            let message = RegisterMessage(
                json: payload.withUnsafeBytes { ByteBuffer(bytes: $0) }, needsToken: hooks.anonymousUser == nil)
        else {
            self.refuseMalformed(on: socket)
            return
        }
        self.mistakes = 0
        if hooks.authenticate == nil, self.waiting.isEmpty, !self.isAuthenticating,
            let user = message.token ?? hooks.anonymousUser
        {
            self.bind(to: UserChannel(user: user, event: message.event))
            return
        }
        guard self.waiting.count < Self.waitingLimit else {
            socket.close(.policyViolation, reason: "too many register messages at once")
            return
        }
        self.waiting.append(message)
        self.authenticateNext()
    }

    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {
        self.service.logger.debug(
            "session ended",
            metadata: self.logMetadata.merging(["close": "\(SafeText.forLog("\(information)"))"]) { $1 })
        self.service.hub.removeAll(self, on: socket.eventLoop)
        self.service.counters.add(-1, to: .sessions(self.transport))
        self.waiting = []
        self.expiry?.cancel()
        self.userPlace = nil
        self.socket = nil
    }

    // MARK: Session

    var carrier: SessionCarrier? {
        self.socket.map { socket in
            SessionCarrier(
                transport: .websocket, address: self.address, queuedBytes: socket.bufferedAmount,
                openedAt: self.openedAt)
        }
    }

    var socketAddress: UnsafeRawPointer? { self.socket?.memoryAddress }

    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { self.socket?.takeReadyPlace() }

    func finish(_ batch: PublicationBatch, behind sent: Int) { self.socket?.finish(batch.messages, behind: sent) }

    func deliver(_ batch: PublicationBatch) -> Int {
        guard let socket = self.socket, socket.isOpen else { return 0 }
        let dropped = socket.droppedMessages
        let taken = socket.send(batch.messages)
        if socket.droppedMessages > dropped, socket.isOpen {
            self.service.counters.add(socket.droppedMessages - dropped, to: .droppedMessages)
        }
        if !socket.isOpen {
            self.service.counters.add(to: .slowConsumers(self.transport))
            self.service.logger.notice("closing a session that reads too slowly", metadata: self.logMetadata)
        }
        return taken
    }

    func drop() {
        guard let socket = self.socket else { return }
        self.service.hub.removeAll(self, on: socket.eventLoop)
        socket.close(.normalClosure, reason: "dropped by the server")
    }

    // MARK: Registering

    private func refuseMalformed(on socket: WebSocket) {
        self.mistakes += 1
        let reason =
            "a register message is a JSON object with the strings token (up to \(PushLimits.tokenLength) bytes)"
            + " and event (up to \(PushLimits.eventLength))"
        if self.mistakes >= Self.toleratedMistakes {
            self.service.counters.add(to: .refusedRegistrations)
            socket.close(.policyViolation, reason: reason)
        } else {
            self.refuse(reason, code: 107, on: socket)
        }
    }

    /// Answers a message that changes nothing; the connection lives on.
    ///
    /// - Parameter code: as in the other dialects: 106 limit exceeded, 107 bad request.
    private func refuse(_ reason: String, code: Int, on socket: WebSocket) {
        self.service.counters.add(to: .refusedRegistrations)
        self.service.logger.info(
            "refused a register message",
            metadata: self.logMetadata.merging(["reason": "\(reason)"]) { $1 }
        )
        socket.send(text: #"{"error":{"code":\#(code),"message":"\#(reason)"}}"#)
    }

    /// One token after the other, so that register messages take effect in their order.
    private func authenticateNext() {
        guard !self.isAuthenticating, !self.waiting.isEmpty, let socket = self.socket else { return }
        let message = self.waiting.removeFirst()
        self.isAuthenticating = true
        let eventLoop = socket.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let service = self.service
        Task {
            let decision = await service.user(of: message.token, event: message.event)
            eventLoop.execute { bound.value.authenticated(decision, message) }
        }
    }

    private func authenticated(_ decision: AccessDecision, _ message: RegisterMessage) {
        let event = message.event
        self.isAuthenticating = false
        guard let socket = self.socket, socket.isOpen else { return }
        switch decision {
        case .user(let user):
            self.bind(to: UserChannel(user: user.id, event: event))
            self.expire(message.token, at: user.expiresAt, socket)
            self.authenticateNext()
        case .unavailable:
            self.service.counters.add(to: .refusedRegistrations)
            socket.close(.tryAgainLater, reason: "tokens cannot be checked at the moment")
        case .refused:
            self.service.counters.add(to: .refusedRegistrations)
            self.service.logger.info(
                "refused a token", metadata: self.logMetadata.merging(["event": "\(SafeText.forLog(event))"]) { $1 })
            socket.close(.policyViolation, reason: "the token was refused")
        }
    }

    /// The latest token counts: a client may register again with a newer one, and stay. What is said of the same token for
    /// several events holds for all of them: the earliest time.
    private func expire(_ token: String?, at time: Date?, _ socket: WebSocket) {
        var time = time
        if let expiring = self.expiring, expiring.token == token { time = min(time ?? expiring.time, expiring.time) }
        guard time != nil || self.expiry != nil else { return }
        self.expiring = token.flatMap { token in time.map { (token, $0) } }
        let expiry = self.expiry ?? TokenExpiry()
        self.expiry = expiry
        expiry.set(time, on: socket.eventLoop) { [weak self] in self?.expired() }
    }

    private func expired() {
        self.service.counters.add(to: .expiredTokens)
        self.service.logger.info("a token has expired", metadata: self.logMetadata)
        self.socket?.close(.policyViolation, reason: "the token has expired")
    }

    private func bind(to channel: UserChannel) {
        guard let socket = self.socket else { return }
        if self.user != channel.exactUser {
            // A connection is one user's: what the former user is sent must not reach it.
            self.service.hub.removeAll(self, on: socket.eventLoop)
            self.user = channel.exactUser
            self.userPlace = nil
            switch self.service.admit(user: channel.user) {
            case .admitted(let place): self.userPlace = place
            case .refused:
                self.service.counters.add(to: .refusedRegistrations)
                return socket.close(.tryAgainLater, reason: "this user has too many connections")
            }
        }
        let limit = self.service.limits.eventsPerSession
        guard self.places.count < limit || self.places[channel] != nil else {
            self.refuse("a connection registers for at most \(limit) events", code: 106, on: socket)
            return
        }
        self.service.hub.add(self, to: channel, on: socket.eventLoop)
        self.service.counters.add(to: .registrations)
        self.service.logger.debug(
            "registered", metadata: self.logMetadata.merging(["event": "\(SafeText.forLog(channel.event))"]) { $1 })
    }
}
