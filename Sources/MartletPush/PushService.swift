public import Logging
public import MartletWebSocket
public import NIOCore
import Synchronization

/// The push service without HTTP: connections register for a user's events, and messages are pushed to them.
///
/// ```swift
/// let service = PushService(group: group, hooks: PushHooks(authenticate: { token, _ in users[token].map { PushUser($0) } }))
/// server.route("/ws", endpoint: service.endpoint())
/// let delivered = await service.push(PushMessage(user: "42", event: "alerts", message: "It rains"))
/// ```
///
/// Order is kept for each user and event. To clients of the register dialect delivery is at most once: whoever is not
/// connected misses the message. Clients of the event-stream dialect say where they left off, and get what they missed
/// within ``HistoryConfiguration``, or are told that something is missing.
public final class PushService: Sendable {
    let hub: Hub
    let broker: any Broker
    package let logger: Logger
    public let counters = PushCounters()
    /// From ``publish(_:)`` to the last session.
    public let deliveryTimes = DeliveryTimes()
    private let settings: Mutex<Settings>
    private let userSessions = UserSessions()

    private final class Settings: Sendable {
        let hooks: PushHooks
        let limits: PushLimits

        init(_ hooks: PushHooks, _ limits: PushLimits) {
            self.hooks = hooks
            self.limits = limits
        }
    }

    /// - Parameters:
    ///   - group: the connections' event loops; sessions on any other are a programming error.
    ///   - limits: see also ``update(hooks:limits:)``.
    ///   - history: what is kept of each channel.
    public init(
        group: any EventLoopGroup,
        hooks: PushHooks = .init(),
        limits: PushLimits = .init(),
        history: HistoryConfiguration = .init(),
        logger: Logger = Logger(label: "martlet.push")
    ) {
        let hub = Hub(group: group, counters: self.counters)
        let broker = MemoryBroker(history)
        broker.setReceiver(hub)
        self.hub = hub
        self.broker = broker
        self.settings = Mutex(Settings(hooks, limits))
        self.logger = logger
        guard history.isOn else { return }
        // What is old goes even when nothing more is published.
        group.next().scheduleRepeatedTask(initialDelay: .seconds(10), delay: .seconds(10)) { [weak broker] task in
            if let broker { broker.sweep() } else { task.cancel() }
        }
    }

    var hooks: PushHooks { self.settings.withLock { $0 }.hooks }
    package var limits: PushLimits { self.settings.withLock { $0 }.limits }

    /// Changes what counts from now on. Sessions that are there stay; ``PushLimits/queueSize`` and
    /// ``PushLimits/slowClients`` are those of connections that begin later.
    public func update(hooks: PushHooks, limits: PushLimits) {
        self.settings.withLock { $0 = Settings(hooks, limits) }
    }

    /// Counts a session of a user, also where that is not limited yet.
    package func admit(user: String) -> UserAdmission {
        let limit = self.limits.sessionsPerUser ?? .max
        guard let place = self.userSessions.place(for: ExactString(user), atMost: limit) else {
            self.counters.add(to: .refusedSessions)
            self.logger.info(
                "refused a session: its user has too many",
                metadata: ["user": "\(SafeText.forLog(user))", "limit": "\(limit)"])
            return .refused
        }
        return .admitted(place)
    }

    /// Counts a message of a client.
    func isWithinRate(_ bucket: inout TokenBucket?) -> Bool {
        guard let limit = self.limits.messageRate else { return true }
        let now = NIODeadline.now()
        var counted = bucket.flatMap { $0.isOf(limit) ? $0 : nil } ?? TokenBucket(limit, now: now)
        defer { bucket = counted }
        guard !counted.take(now: now) else { return true }
        self.counters.add(to: .rateLimited)
        return false
    }

    /// User channels that somebody is registered for.
    public var channelCount: Int { self.hub.channelCount }

    /// Users of whom somebody is registered.
    public var userCount: Int { self.hub.userCount }

    /// Where WebSockets connect: clients of the register dialect, and with the subprotocol `martlet` those of the
    /// event-stream dialect, which name token and events in the query as for `/sse`.
    ///
    /// - Parameter configuration: default: messages of up to 64 KiB. Its queue and what becomes of slow clients are set by
    ///   ``PushLimits``.
    public func endpoint(
        origin: OriginPolicy = .sameHost,
        configuration: WebSocketConfiguration = PushService.defaultConfiguration
    ) -> WebSocketEndpoint {
        var configuration = configuration
        let limits = self.limits
        configuration.outboundQueueLimit = limits.queueSize
        configuration.overflowPolicy = limits.slowClients == .close ? .close : .dropOldest
        return WebSocketEndpoint(
            configuration: configuration, origin: origin, subprotocols: [EventStreamRequest.subprotocol]
        ) { request, _ in
            // Only where it is not what the socket says: most sessions need not keep it.
            let address = request.clientAddress == request.remoteAddress?.ipAddress ? nil : request.clientAddress
            if request.subprotocol == nil { return RegisterSession(service: self, address: address) }
            return EventStreamSocket(service: self, head: request.head, address: address)
        }
    }

    /// A register message is short.
    public static var defaultConfiguration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.limits.maximumMessageSize = 64 * 1024
        return configuration
    }

    /// Sends a message to every connection of its user that is registered for its event, and keeps it for a while for
    /// those that come back.
    ///
    /// - Returns: how many sessions took it into their queues, and where it stands in its channel.
    public func publish(_ message: PushMessage) async -> PublishResult {
        await withCheckedContinuation { continuation in
            self.publish(message) { continuation.resume(returning: $0) }
        }
    }

    /// As ``publish(_:)``, for event loops.
    ///
    /// - Parameter onDone: called once, on any thread.
    package func publish(_ message: PushMessage, onDone: @escaping @Sendable (PublishResult) -> Void) {
        self.counters.add(to: .pushes)
        guard message.channel.event.utf8.count <= PushLimits.eventLength,
            message.channel.user.utf8.count <= PushLimits.tokenLength
        else {
            onDone(PublishResult(delivered: 0, position: nil))  // nobody can hear it, now or later
            return
        }
        let begin = NIODeadline.now()
        let receipt = PublishReceipt { [times = self.deliveryTimes] result in
            if result.delivered > 0 { times.record(NIODeadline.now() - begin) }
            onDone(result)
        }
        self.broker.publish(message.message, to: message.channel, receipt: receipt)
    }

    /// As ``publish(_:)``.
    ///
    /// - Returns: how many sessions took the message into their queues.
    public func push(_ message: PushMessage) async -> Int { await self.publish(message).delivered }

    /// Closes the connections that are registered for a user's event, with a close frame.
    ///
    /// - Parameter event: `nil` for all events of the user.
    /// - Returns: how many.
    public func drop(user: String, event: String?) async -> Int {
        let count = await self.hub.drop(user: user, event: event)
        self.counters.add(count, to: .drops)
        return count
    }

    /// Sessions that somebody looks for.
    ///
    /// - Parameters:
    ///   - text: part of the user's name or the address; empty for all.
    ///   - limit: how many are described.
    package func sessions(matching text: String, limit: Int) async -> [SessionInformation] {
        await self.hub.sessions(matching: text, limit: limit)
    }

    /// Ends one session.
    ///
    /// - Returns: whether it was there.
    package func drop(session: SessionID, of user: String) async -> Bool {
        let isDropped = await self.hub.drop(session: session, of: user)
        if isDropped { self.counters.add(to: .drops) }
        return isDropped
    }

    /// Counts a push that was refused before it came here.
    public func refusedPush() { self.counters.add(to: .refusedPushes) }
}
