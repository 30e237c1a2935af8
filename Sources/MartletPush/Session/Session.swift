import FoundationEssentials
package import Logging
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOCore

/// A session is one client, whatever carries it and however it speaks: its user, its subscriptions, its rate, its
/// token's expiry, its place among its user's sessions, and the fields of its log lines. Lives on its event loop.
///
/// The transport tells it of the connection (``opened(on:)``, ``received(_:)``, ``closed(_:)``), the dialect of the
/// client.
package final class Session: Subscriber, HeartbeatWheel.Member {
    package let id = SessionID()
    let environment: SessionEnvironment
    let eventLoop: any EventLoop
    private let dialect: any Dialect
    /// The connection; `nil` before it is open, and once it has ended.
    private var connection: (any TransportConnection)?
    private(set) var user = ExactString("")
    private var userPlace: UserPlace?
    private var messages: TokenBucket?
    /// The timer of the token's expiry; `nil` until a token that expires has come.
    private var expiry: TokenExpiry?
    var places: [ChannelName: SubscriberPlace] = [:]
    package let transport: SessionTransport
    /// The spoke of the heartbeat wheel; -1 for a session without heartbeats.
    private var spoke: Int32 = -1
    private let openedAt = NIODeadline.now()

    init(
        _ environment: SessionEnvironment, dialect: any Dialect, transport: SessionTransport, eventLoop: any EventLoop
    ) {
        self.environment = environment
        self.dialect = dialect
        self.transport = transport
        self.eventLoop = eventLoop
    }

    package var logMetadata: Logger.Metadata {
        [
            "session": "\(self.id)", "transport": "\(self.transport)", "address": "\(self.connection?.address ?? "-")",
            "user": "\(self.user.value.isEmpty ? "-" : SafeText.forLog(self.user.value))",
        ]
    }

    func log(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata = [:]) {
        guard self.environment.logger.logLevel <= level else { return }
        self.environment.logger.log(level: level, message, metadata: self.logMetadata.merging(metadata) { $1 })
    }

    // MARK: For the transport

    var slowClients: SlowConsumerPolicy? { self.dialect.slowClients }

    package func opened(on connection: any TransportConnection) {
        self.connection = connection
        self.environment.counters.add(to: .sessions(self.transport))
        self.dialect.opened(self)
    }

    package func received(_ message: RawSpan) {
        guard self.isOpen else { return }
        guard self.environment.isWithinRate(&self.messages) else {
            self.log(.info, "closing a session that sends too many messages")
            return self.close(.refused, "too many messages")
        }
        self.dialect.received(message, on: self)
    }

    /// Ends the session, since the service stops: the client is told where it can go on, if the dialect knows.
    ///
    /// - Parameter end: closes the connection.
    package func leave(_ end: @escaping () -> Void) {
        guard self.isOpen, self.dialect.mayLeave(self) else { return end() }
        self.eventLoop.assumeIsolated().scheduleTask(in: SessionEnvironment.leavePause) {
            if self.isOpen { self.dialect.leave(self) }
            end()
        }
    }

    /// Notes that the client reads too slowly; its connection is being closed.
    package func isTooSlow() {
        self.environment.counters.add(to: .slowConsumers(self.transport))
        self.log(.notice, "closing a session that reads too slowly")
    }

    /// Counts messages that were dropped, so that the client never gets them.
    func dropped(_ count: Int) { self.environment.counters.add(count, to: .droppedMessages) }

    /// The connection has ended. Called once.
    package func closed(_ information: String = "") {
        guard self.connection != nil else { return }
        self.log(.debug, "session ended", information.isEmpty ? [:] : ["close": "\(SafeText.forLog(information))"])
        self.environment.hub.unsubscribe(self, on: self.eventLoop)
        self.environment.counters.add(-1, to: .sessions(self.transport))
        self.expiry?.cancel()
        if self.spoke >= 0 {
            self.environment.hub.heartbeats(on: self.eventLoop).remove(self, from: Int(self.spoke))
            self.spoke = -1
        }
        self.userPlace = nil
        self.connection = nil
        self.dialect.closed()
    }

    /// Counts the code with which the session's WebSocket was closed.
    func closed(with code: CloseCode) { self.environment.counters.closes.count(code) }

    // MARK: For the dialect

    var isOpen: Bool { self.connection?.isOpen ?? false }

    /// Sends messages of the dialect.
    ///
    /// - Returns: how many were taken.
    @discardableResult
    func send(_ encoded: EncodedPublications) -> Int { self.connection?.send(encoded) ?? 0 }

    /// Stops reading from the client, until ``resumeReading()``: what it sends waits in the network.
    func pauseReading() { self.connection?.pauseReading() }

    func resumeReading() { self.connection?.resumeReading() }

    func close(_ why: DisconnectReason, _ reason: String) {
        self.connection?.close(why, self.dialect.closeCode(for: why), reason)
    }

    /// Asks for the user of a token. The completion is not called when the session has ended in the meantime.
    func authenticate(
        _ token: String?, events: [String], completion: @escaping (AccessDecision) -> Void
    ) {
        let bound = NIOLoopBound((self, completion), eventLoop: self.eventLoop)
        let (environment, eventLoop) = (self.environment, self.eventLoop)
        let address = self.connection?.clientAddress
        Task {
            let decision = await environment.user(of: token, events: events, address: address)
            eventLoop.execute {
                let (session, completion) = bound.value
                if session.isOpen { completion(decision) }
            }
        }
    }

    /// Binds the session to a user. Its subscriptions as another user end.
    ///
    /// - Parameter place: its place among the user's sessions, if it was taken before.
    /// - Returns: whether that user may have one more session; otherwise the session is closed.
    func bind(to user: String, _ place: UserPlace? = nil) -> Bool {
        let user = ExactString(user)
        guard self.user != user else { return true }
        // A connection belongs to one user: publications for the former user must not reach it.
        self.environment.hub.unsubscribe(self, on: self.eventLoop)
        self.user = user
        self.userPlace = place
        if let place {
            self.mayBeReplaced(in: place)
            return true
        }
        switch self.environment.admit(user: user.value) {
        case .admitted(let place):
            self.userPlace = place
            self.mayBeReplaced(in: place)
            return true
        case .refused:
            self.environment.counters.add(to: .refusedRegistrations)
            self.close(.unavailable, "this user has too many connections")
            return false
        }
    }

    private func mayBeReplaced(in place: UserPlace) {
        let bound = NIOLoopBound(Weak(session: self), eventLoop: self.eventLoop)
        place.onReplaced { [number = place.number] in
            bound.eventLoop.execute {
                // It may be another user's by now.
                guard let session = bound.value.session, session.userPlace?.number == number else { return }
                session.log(.info, "closing a session: its user has a newer one, and may have no more")
                session.close(.replaced, "replaced by a newer session of this user")
            }
        }
    }

    private struct Weak {
        weak var session: Session?
    }

    /// Sets the time at which the session ends; replaces the one that was set before.
    ///
    /// - Parameter time: `nil` for never.
    func expire(at time: Date?) {
        guard time != nil || self.expiry != nil else { return }
        let expiry = self.expiry ?? TokenExpiry()
        self.expiry = expiry
        expiry.set(time, on: self.eventLoop) { [weak self] in
            guard let self else { return }
            self.environment.counters.add(to: .expiredTokens)
            self.log(.info, "a token has expired")
            self.close(.expired, "the token has expired")
        }
    }

    func startHeartbeats() {
        guard self.connection != nil, self.spoke < 0, self.dialect.heartbeat != nil else { return }
        self.spoke = Int32(self.environment.hub.heartbeats(on: self.eventLoop).add(self))
    }

    /// Subscribes to a channel; does nothing when it is subscribed to.
    ///
    /// - Parameters:
    ///   - encoding: `nil` to be asked each time: ``Dialect/deliver(_:to:)``.
    ///   - completion: called once the subscription is in force. When it cannot be, the session is closed instead.
    func subscribe(
        to channel: ChannelName, _ encoding: PublicationEncoding?, completion: @escaping () -> Void = {}
    ) {
        guard self.isOpen else { return }  // it ended by what it was sent
        guard self.places[channel] == nil else { return completion() }
        self.environment.hub.subscribe(self, to: channel, encoding, on: self.eventLoop) { [weak self] error in
            guard let self, self.isOpen, self.places[channel] != nil else { return }
            guard let error else { return completion() }
            self.brokerFailed(error)
        }
    }

    /// Changes the encoding of a subscription.
    func changeEncoding(of channel: ChannelName, to encoding: PublicationEncoding?) {
        self.environment.hub.change(self, in: channel, to: encoding, on: self.eventLoop)
    }

    /// Reads the history of a channel; closes the session when that cannot be done.
    func readHistory(
        of channel: ChannelName, since position: StreamPosition?, completion: @escaping (History) -> Void
    ) {
        let bound = NIOLoopBound((self, completion), eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        let finish: @Sendable (Result<History, BrokerError>) -> Void = { result in
            let (session, completion) = bound.value
            guard session.isOpen else { return }
            switch result {
            case .success(let history): completion(history)
            case .failure(let error): session.brokerFailed(error)
            }
        }
        self.environment.broker.history(of: channel, since: position) { result in
            if eventLoop.inEventLoop { finish(result) } else { eventLoop.execute { finish(result) } }
        }
    }

    private func brokerFailed(_ error: BrokerError) {
        self.log(.warning, "closing a session: the broker failed", ["error": "\(error)"])
        self.close(.unavailable, "channels cannot be subscribed to at the moment")
    }

    // MARK: Subscriber

    var connectionInfo: SessionConnection? {
        self.connection.map {
            SessionConnection(
                transport: self.transport, address: $0.address, queuedBytes: $0.queuedBytes, openedAt: self.openedAt)
        }
    }

    var socketAddress: UnsafeRawPointer? { self.connection?.socketAddress }

    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { self.connection?.readyPlace }

    func deliver(_ encoded: EncodedPublications) -> Int { self.connection?.send(encoded) ?? 0 }

    func deliver(_ batch: PublicationBatch) -> Int {
        self.connection == nil ? 0 : self.dialect.deliver(batch, to: self)
    }

    func finish(_ encoded: EncodedPublications, behind sent: Int) {
        self.connection?.finish(encoded, behind: sent)
    }

    func interrupted(_ channel: ChannelName, after position: StreamPosition?) {
        self.dialect.interrupted(channel, after: position, on: self)
    }

    func disconnect() {
        self.environment.hub.unsubscribe(self, on: self.eventLoop)
        self.close(.disconnected, "dropped by the server")
    }

    // MARK: HeartbeatWheel.Member

    func beat() {
        guard let heartbeat = self.dialect.heartbeat else { return }
        self.connection?.sendHeartbeat(heartbeat)
    }
}
