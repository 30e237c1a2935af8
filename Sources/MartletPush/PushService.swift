public import Logging
public import MartletWebSocket
public import NIOCore

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
    let hooks: PushHooks
    package let logger: Logger
    public let counters = PushCounters()

    /// - Parameters:
    ///   - group: the connections' event loops; sessions on any other are a programming error.
    ///   - history: what is kept of each channel.
    public init(
        group: any EventLoopGroup,
        hooks: PushHooks = .init(),
        history: HistoryConfiguration = .init(),
        logger: Logger = Logger(label: "martlet.push")
    ) {
        let hub = Hub(group: group)
        let broker = MemoryBroker(history)
        broker.setReceiver(hub)
        self.hub = hub
        self.broker = broker
        self.hooks = hooks
        self.logger = logger
        guard history.isOn else { return }
        // What is old goes even when nothing more is published.
        group.next().scheduleRepeatedTask(initialDelay: .seconds(10), delay: .seconds(10)) { [weak broker] task in
            if let broker { broker.sweep() } else { task.cancel() }
        }
    }

    /// User channels that somebody is registered for.
    public var channelCount: Int { self.hub.channelCount }

    /// Users of whom somebody is registered.
    public var userCount: Int { self.hub.userCount }

    /// Where WebSockets connect: clients of the register dialect, and with the subprotocol `martlet` those of the
    /// event-stream dialect, which name token and events in the query as for `/sse`.
    ///
    /// A client that does not read fast enough is closed with 1013 unless `configuration` says otherwise.
    public func endpoint(
        origin: OriginPolicy = .sameHost,
        configuration: WebSocketConfiguration = PushService.defaultConfiguration
    ) -> WebSocketEndpoint {
        WebSocketEndpoint(
            configuration: configuration, origin: origin, subprotocols: [EventStreamRequest.subprotocol]
        ) { request, _ in
            if request.subprotocol == nil { return RegisterSession(service: self) }
            return EventStreamSocket(service: self, head: request.head)
        }
    }

    /// A register message is short, and a slow client is told to come back later.
    public static var defaultConfiguration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.limits.maximumMessageSize = 64 * 1024
        configuration.overflowPolicy = .close
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
        let receipt = PublishReceipt { [counters = self.counters] result in
            counters.add(result.delivered, to: .deliveries)
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

    /// Counts a push that was refused before it came here.
    public func refusedPush() { self.counters.add(to: .refusedPushes) }
}
