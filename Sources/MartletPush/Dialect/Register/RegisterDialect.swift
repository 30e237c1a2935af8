import FoundationEssentials
import Logging
import MartletProtocol
import NIOCore

/// The register dialect: the client names a token and an event, as often as it likes, and gets the messages of each as
/// text.
final class RegisterDialect: Dialect {
    /// A client that sends this many wrong messages in a row is closed.
    private static let toleratedMistakes = 10
    /// Register messages that may wait for the `authenticate` hook; while as many wait, nothing is read.
    private static let waitingLimit = 64

    /// The state that is needed when a hook checks tokens.
    private final class Authentication {
        var isUnderWay = false
        var isPaused = false
        var waiting: [RegisterMessage] = []
        var expiring: (token: ExactString, time: Date)?
    }

    private var mistakes: UInt8 = 0
    private var authentication: Authentication?

    // MARK: Dialect

    var slowClients: SlowConsumerPolicy? { nil }

    /// There is no heartbeat: the WebSocket's own pings are enough.
    var heartbeat: EncodedPublications? { nil }

    func opened(_ session: Session) {}

    func received(_ payload: RawSpan, on session: Session) {
        let hooks = session.environment.hooks
        guard
            let message = RegisterMessage(
                json: payload.withUnsafeBytes { ByteBuffer(bytes: $0) }, needsToken: hooks.anonymousUser == nil)
        else { return self.refuseMalformed(on: session) }
        self.mistakes = 0
        let isIdle = self.authentication.map { $0.waiting.isEmpty && !$0.isUnderWay } ?? true
        if hooks.authenticate == nil, isIdle, let user = message.token ?? hooks.anonymousUser {
            return self.register(user, message.event, on: session)
        }
        let authentication = self.authentication ?? Authentication()
        self.authentication = authentication
        authentication.waiting.append(message)
        if authentication.waiting.count >= Self.waitingLimit, !authentication.isPaused {
            authentication.isPaused = true
            session.pauseReading()
        }
        self.authenticateNext(on: session)
    }

    func deliver(_ batch: PublicationBatch, to session: Session) -> Int { session.send(batch[.register]) }

    /// Does nothing: delivery is at most once.
    func interrupted(_ channel: ChannelName, after position: StreamPosition?, on session: Session) {}

    func closed() { self.authentication = nil }

    // MARK: Registering

    private func refuseMalformed(on session: Session) {
        self.mistakes += 1
        let reason =
            "a register message is a JSON object with the strings token (up to \(PushLimits.tokenLength) bytes)"
            + " and event (up to \(PushLimits.eventLength))"
        if self.mistakes >= Self.toleratedMistakes {
            session.environment.counters.add(to: .refusedRegistrations)
            session.environment.counters.refusals.count(.request)
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
        session.environment.counters.refusals.count(code == 106 ? .events : .request)
        session.log(.info, "refused a register message", ["reason": "\(reason)"])
        session.send(EncodedPublications(text: #"{"error":{"code":\#(code),"message":"\#(reason)"}}"#))
    }

    /// Authenticates one token after the other, so that register messages take effect in their order. Messages in a row
    /// with the same token are one question.
    private func authenticateNext(on session: Session) {
        guard let authentication = self.authentication, !authentication.isUnderWay, !authentication.waiting.isEmpty
        else { return }
        let token = authentication.waiting[0].token
        let count = authentication.waiting.prefix { $0.token.map(ExactString.init) == token.map(ExactString.init) }
            .count
        var events: [String] = []
        for message in authentication.waiting.prefix(count)
        where !events.contains(where: { $0.hasSameBytes(as: message.event) }) {
            events.append(message.event)
        }
        authentication.waiting.removeFirst(count)
        authentication.isUnderWay = true
        if authentication.isPaused {
            authentication.isPaused = false
            session.resumeReading()
        }
        session.authenticate(token, events: events) { [self] decision in
            authentication.isUnderWay = false
            self.authenticated(decision, token, events, on: session)
        }
    }

    private func authenticated(
        _ decision: AccessDecision, _ token: String?, _ events: [String], on session: Session
    ) {
        switch decision {
        case .user(let user):
            for event in events { self.register(user.id, event, on: session) }
            guard session.isOpen else { return }  // the user may have no more sessions, or it ended by what it was sent
            self.expire(token, at: user.expiresAt, session)
            self.authenticateNext(on: session)
        case .unavailable:
            session.environment.counters.add(to: .refusedRegistrations)
            session.close(.unavailable, "tokens cannot be checked at the moment")
        case .refused:
            session.environment.counters.add(to: .refusedRegistrations)
            session.log(.info, "refused a token", ["event": "\(SafeText.forLog(events.joined(separator: ",")))"])
            session.close(.refused, "the token was refused")
        }
    }

    /// Sets when the latest token expires: a client may register again with a newer one, and stay. A token that was
    /// given several times, for several events, expires at the earliest of them.
    private func expire(_ token: String?, at time: Date?, _ session: Session) {
        var time = time
        if let expiring = self.authentication?.expiring, token.map({ ExactString($0) == expiring.token }) == true {
            time = min(time ?? expiring.time, expiring.time)
        }
        self.authentication?.expiring = token.flatMap { token in time.map { (ExactString(token), $0) } }
        session.expire(at: time)
    }

    private func register(_ user: String, _ event: String, on session: Session) {
        let channel = UserChannel(user: user, event: event).name
        guard session.isOpen, session.bind(to: user) else { return }
        let limit = session.environment.limits.eventsPerSession
        guard session.places.count < limit || session.places[channel] != nil else {
            return self.refuse("a connection registers for at most \(limit) events", code: 106, on: session)
        }
        session.subscribe(to: channel, .register)
        session.environment.counters.add(to: .registrations)
        session.log(.debug, "registered", ["event": "\(SafeText.forLog(event))"])
    }
}
