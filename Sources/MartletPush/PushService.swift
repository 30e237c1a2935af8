public import Logging
public import MartletWebSocket
public import NIOCore
import Synchronization

/// The push service without HTTP: sessions subscribe to a user's events, and messages are pushed to them.
///
/// ```swift
/// let service = PushService(group: group, hooks: PushHooks(authenticate: { users[$0.token].map { PushUser($0) } }))
/// server.route("/ws", endpoint: service.endpoint())
/// let delivered = try await service.push(PushMessage(user: "42", event: "alerts", message: "It rains"))
/// ```
///
/// Order is kept for each user and event. Delivery to clients of the register dialect is at most once: a client that is
/// not connected misses the message. Clients of the event-stream dialect say where they left off, and get what they
/// missed within ``HistoryConfiguration``, or are told of a gap.
public final class PushService: Sendable {
    /// The longest time that a publisher waits for its receipt.
    private static let receiptLimit = TimeAmount.seconds(5)

    let environment: SessionEnvironment
    private let receipts = PublishReceipts()
    public let counters = PushCounters()
    /// The times that publications took, from ``publish(_:)`` to the last session.
    public let deliveryTimes = DeliveryTimes()
    /// The task that runs the broker.
    private let running: Task<Void, Never>

    private var hub: Hub { self.environment.hub }
    private var broker: any Broker { self.environment.broker }
    package var logger: Logger { self.environment.logger }

    /// - Parameters:
    ///   - group: the connections' event loops; sessions on any other are a programming error.
    ///   - limits: see also ``update(hooks:limits:)``.
    ///   - history: what is kept of each channel, in memory.
    ///   - heartbeat: how often a silent event stream says that it is there. Default: 15 s.
    public convenience init(
        group: any EventLoopGroup,
        hooks: PushHooks = .init(),
        limits: PushLimits = .init(),
        history: HistoryConfiguration = .init(),
        heartbeat: TimeAmount = .seconds(15),
        logger: Logger = Logger(label: "martlet.push")
    ) {
        self.init(
            group: group, broker: MemoryBroker(history), hooks: hooks, limits: limits, heartbeat: heartbeat,
            logger: logger)
    }

    /// - Parameter broker: another than the one in memory. It is this service's alone, and runs until the service has
    ///   gone.
    public init(
        group: any EventLoopGroup,
        broker: any Broker,
        hooks: PushHooks = .init(),
        limits: PushLimits = .init(),
        heartbeat: TimeAmount = .seconds(15),
        logger: Logger = Logger(label: "martlet.push")
    ) {
        let broker: any Broker =
            broker.isInProcess ? broker : TimeLimitedBroker(broker, limit: Self.receiptLimit, eventLoop: group.next())
        let hub = Hub(
            group: group, broker: broker, counters: self.counters, receipts: self.receipts, heartbeat: heartbeat)
        broker.attach(hub)
        self.environment = SessionEnvironment(
            hub: hub, broker: broker, counters: self.counters, settings: .init(hooks, limits), logger: logger)
        self.running = Task {
            do {
                try await broker.run()
            } catch {
                logger.critical("the broker cannot run", metadata: ["error": "\(error)"])
            }
        }
        guard !broker.isInProcess else { return }
        group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak receipts] task in
            guard let receipts else { return task.cancel() }
            receipts.expire(before: .now() - Self.receiptLimit)
        }
    }

    deinit { self.running.cancel() }

    var hooks: PushHooks { self.environment.hooks }
    package var limits: PushLimits { self.environment.limits }

    /// Changes the settings in force. Sessions that are there stay; ``PushLimits/queueSize`` and
    /// ``PushLimits/slowClients`` are those of connections that begin later.
    public func update(hooks: PushHooks, limits: PushLimits) { self.environment.update(.init(hooks, limits)) }

    /// Counts a session of a user, also where that is not limited yet.
    package func admit(user: String) -> UserAdmission { self.environment.admit(user: user) }

    /// The user of a client of the event-stream dialect: the one user that its token stands for, whatever the event.
    ///
    /// - Parameter address: the client's IP address.
    package func user(of request: EventStreamRequest, address: String?) async -> AccessDecision {
        await self.environment.user(of: request.token, events: request.events, address: address)
    }

    /// Begins a session over a connection that a transport has made.
    package func session(
        over transport: SessionTransport, _ dialect: any Dialect, on eventLoop: any EventLoop
    ) -> Session {
        Session(self.environment, dialect: dialect, transport: transport, eventLoop: eventLoop)
    }

    /// Notes that the process is going to end: clients that are up to date are told where the next one begins.
    ///
    /// - Parameter time: the time until then, at most.
    package func ends(within time: Duration) {
        let seconds = Int(time.components.seconds) + 1
        self.environment.endOfProcess.store(Int(UTCTime.now() / 1_000_000_000) + seconds, ordering: .relaxed)
    }

    /// Channels with subscribers.
    public var channelCount: Int { self.hub.channelCount }

    /// Users with sessions.
    public var userCount: Int { self.environment.userCount }

    /// Returns the endpoint for WebSockets: clients of the register dialect, and with the subprotocol `martlet` those
    /// of the event-stream dialect, which name token and events in the query as for `/sse`.
    ///
    /// - Parameter configuration: default: messages of up to 64 KiB. Its queue and its policy for slow clients are set
    ///   by ``PushLimits``.
    public func endpoint(
        origin: OriginPolicy = .sameHost,
        configuration: WebSocketConfiguration = PushService.defaultConfiguration
    ) -> WebSocketEndpoint {
        var configuration = configuration
        let limits = self.limits
        configuration.outboundQueueLimit = limits.queueSize
        configuration.overflowPolicy = limits.slowClients.overflow
        return WebSocketEndpoint(
            configuration: configuration, origin: origin, subprotocols: WebSocketDialects.subprotocols
        ) { request, eventLoop in
            // Only where it is not what the socket says: most sessions need not keep it.
            let address = request.clientAddress == request.remoteAddress?.ipAddress ? nil : request.clientAddress
            let dialect = WebSocketDialects.dialect(for: request)
            return WebSocketTransport(
                self.session(over: .websocket, dialect, on: eventLoop), address: address)
        }
    }

    /// The default configuration: messages of up to 64 KiB, since a register message is short.
    public static var defaultConfiguration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.limits.maximumMessageSize = 64 * 1024
        return configuration
    }

    /// Sends a message to every session of its user that has subscribed to its event, and keeps it in the history for
    /// clients that resume.
    ///
    /// - Returns: how many sessions took it into their queues, and its position in its channel.
    /// - Throws: when the broker has not confirmed it; the error says whether it may have been published all the same.
    public func publish(_ message: PushMessage) async throws(BrokerError) -> PublishResult {
        let result = await withCheckedContinuation { continuation in
            self.publish(message) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Publishes a message as ``publish(_:)`` does, without waiting: for event loops.
    ///
    /// - Parameter onDone: called once, on any thread.
    package func publish(
        _ message: PushMessage, onDone: @escaping @Sendable (Result<PublishResult, BrokerError>) -> Void
    ) {
        self.counters.add(to: .pushes)
        guard message.channel.event.utf8.count <= PushLimits.eventLength,
            message.channel.user.utf8.count <= PushLimits.tokenLength
        else {
            // Nobody can subscribe to it, now or later.
            return onDone(.success(PublishResult(delivered: 0, position: nil)))
        }
        guard !self.environment.wasLeft(message.channel.name) else {
            return onDone(
                .failure(
                    BrokerError(
                        .unavailable, reason: "the service is about to stop, and clients of the channel have left",
                        mayHaveHappened: false)))
        }
        let begin = NIODeadline.now()
        let (id, receipt) = self.receipts.begin(at: begin) { [times = self.deliveryTimes, counters] result in
            switch result {
            case .success(let result):
                if result.delivered > 0 { times.record(NIODeadline.now() - begin) }
            case .failure: counters.add(to: .failedPushes)
            }
            onDone(result)
        }
        let channel = message.channel.name
        guard !self.broker.isInProcess else {
            // What is in this process has been received by now. A closure that holds one object takes no memory.
            return self.broker.publish(message.message, to: channel, receipt: id) { [receipt] in
                receipt.confirmed($0, isExpected: false)
            }
        }
        self.broker.publish(message.message, to: channel, receipt: id) { [hub] in
            receipt.confirmed($0, isExpected: hub.isSubscribed(to: channel))
        }
    }

    /// Publishes a message as ``publish(_:)`` does.
    ///
    /// - Returns: how many sessions took the message into their queues.
    public func push(_ message: PushMessage) async throws(BrokerError) -> Int {
        try await self.publish(message).delivered
    }

    /// Ends the sessions that have subscribed to a user's event; a WebSocket is sent a close frame.
    ///
    /// - Parameter event: `nil` for all events of the user.
    /// - Returns: how many sessions were ended.
    public func disconnect(user: String, event: String?) async -> Int {
        let count = await self.hub.disconnect(user: user, event: event)
        self.counters.add(count, to: .drops)
        return count
    }

    /// Returns the sessions whose user or address contains a text.
    ///
    /// - Parameters:
    ///   - text: part of the user's name or the address; empty for all.
    ///   - limit: how many are returned at most.
    package func sessions(matching text: String, limit: Int) async -> [SessionInformation] {
        await self.hub.sessions(matching: text, limit: limit)
    }

    /// Returns the sessions of one user, up to a number of them.
    package func sessions(of user: String, limit: Int) async -> [SessionInformation] {
        await self.hub.sessions(of: user, limit: limit)
    }

    /// Lists the channels that have subscribers; one with subscribers on several event loops is listed once for each.
    ///
    /// - Parameter limit: channels that are listed for each event loop.
    /// - Returns: the channels, and whether these are all.
    package func channels(limit: Int) async -> (channels: [ChannelInformation], isComplete: Bool) {
        await self.hub.channels(limit: limit)
    }

    /// Ends one session.
    ///
    /// - Returns: whether it was there.
    package func disconnect(session: SessionID, of user: String) async -> Bool {
        let isDropped = await self.hub.disconnect(session: session, of: user)
        if isDropped { self.counters.add(to: .drops) }
        return isDropped
    }

    /// Counts a push that was refused before it came here.
    public func refusedPush() { self.counters.add(to: .refusedPushes) }
}
