import FoundationEssentials
import Logging
import MartletProtocol
import NIOCore

/// The register dialect: the client names a token and an event, as often as it likes, and gets the messages of each as text.
final class RegisterDialect: Dialect {
    /// A client that sends this many wrong messages in a row is closed.
    private static let toleratedMistakes = 10
    /// Register messages that may wait for the `authenticate` hook.
    private static let waitingLimit = 64

    private var mistakes = 0
    private var isAuthenticating = false
    private var waiting: [RegisterMessage] = []
    private var expiring: (token: String, time: Date)?

    // MARK: Dialect

    var slowClients: PushLimits.SlowClientPolicy? { nil }

    /// The WebSocket's own pings are enough.
    var heartbeat: EncodedPublications? { nil }

    func opened(_ session: Session) {}

    func received(_ payload: RawSpan, on session: Session) {
        let hooks = session.environment.hooks
        guard
            let message = RegisterMessage(
                json: payload.withUnsafeBytes { ByteBuffer(bytes: $0) }, needsToken: hooks.anonymousUser == nil)
        else { return self.refuseMalformed(on: session) }
        self.mistakes = 0
        if hooks.authenticate == nil, self.waiting.isEmpty, !self.isAuthenticating,
            let user = message.token ?? hooks.anonymousUser
        {
            return self.register(user, message.event, on: session)
        }
        guard self.waiting.count < Self.waitingLimit else {
            return session.close(.refused, "too many register messages at once")
        }
        self.waiting.append(message)
        self.authenticateNext(on: session)
    }

    func deliver(_ batch: PublicationBatch, to session: Session) -> Int { session.send(batch[.register]) }

    /// Delivery is at most once: there is nothing to tell.
    func interrupted(_ channel: ChannelName, after position: StreamPosition?, on session: Session) {}

    func closed() { self.waiting = [] }

    // MARK: Registering

    private func refuseMalformed(on session: Session) {
        self.mistakes += 1
        let reason =
            "a register message is a JSON object with the strings token (up to \(PushLimits.tokenLength) bytes)"
            + " and event (up to \(PushLimits.eventLength))"
        if self.mistakes >= Self.toleratedMistakes {
            session.environment.counters.add(to: .refusedRegistrations)
            session.close(.refused, reason)
        } else {
            self.refuse(reason, code: 107, on: session)
        }
    }

    /// Answers a message that changes nothing; the connection lives on.
    ///
    /// - Parameter code: as in the other dialects: 106 limit exceeded, 107 bad request.
    private func refuse(_ reason: String, code: Int, on session: Session) {
        session.environment.counters.add(to: .refusedRegistrations)
        session.log(.info, "refused a register message", ["reason": "\(reason)"])
        session.send(EncodedPublications(text: #"{"error":{"code":\#(code),"message":"\#(reason)"}}"#))
    }

    /// One token after the other, so that register messages take effect in their order.
    private func authenticateNext(on session: Session) {
        guard !self.isAuthenticating, !self.waiting.isEmpty else { return }
        let message = self.waiting.removeFirst()
        self.isAuthenticating = true
        session.authenticate(message.token, events: [message.event]) { [self] decision in
            self.isAuthenticating = false
            self.authenticated(decision, message, on: session)
        }
    }

    private func authenticated(_ decision: AccessDecision, _ message: RegisterMessage, on session: Session) {
        switch decision {
        case .user(let user):
            self.register(user.id, message.event, on: session)
            self.expire(message.token, at: user.expiresAt, session)
            self.authenticateNext(on: session)
        case .unavailable:
            session.environment.counters.add(to: .refusedRegistrations)
            session.close(.unavailable, "tokens cannot be checked at the moment")
        case .refused:
            session.environment.counters.add(to: .refusedRegistrations)
            session.log(.info, "refused a token", ["event": "\(SafeText.forLog(message.event))"])
            session.close(.refused, "the token was refused")
        }
    }

    /// The latest token is in force: a client may register again with a newer one, and stay. What is said of the same token
    /// for several events holds for all of them: the earliest time.
    private func expire(_ token: String?, at time: Date?, _ session: Session) {
        var time = time
        if let expiring = self.expiring, expiring.token == token { time = min(time ?? expiring.time, expiring.time) }
        self.expiring = token.flatMap { token in time.map { (token, $0) } }
        session.expire(at: time)
    }

    private func register(_ user: String, _ event: String, on session: Session) {
        let channel = UserChannel(user: user, event: event).name
        guard session.bind(to: user) else { return }
        let limit = session.environment.limits.eventsPerSession
        guard session.places.count < limit || session.places[channel] != nil else {
            return self.refuse("a connection registers for at most \(limit) events", code: 106, on: session)
        }
        session.subscribe(to: channel, .register)
        session.environment.counters.add(to: .registrations)
        session.log(.debug, "registered", ["event": "\(SafeText.forLog(event))"])
    }
}
