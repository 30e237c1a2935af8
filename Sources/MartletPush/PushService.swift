public import Logging
public import MartletWebSocket
public import NIOCore

/// The push service without HTTP: connections register for a user's events, and messages are pushed to them.
///
/// ```swift
/// let service = PushService(group: group, hooks: PushHooks(authenticate: { token, _ in users[token] }))
/// server.route("/ws", endpoint: service.endpoint())
/// let delivered = await service.push(PushMessage(user: "42", event: "alerts", message: "It rains"))
/// ```
///
/// Order is kept for each user and event. Delivery is at most once: whoever is not connected misses the message.
public final class PushService: Sendable {
    let hub: Hub
    let hooks: PushHooks
    let logger: Logger
    public let counters = PushCounters()

    /// - Parameter group: the connections' event loops; sessions on any other are a programming error.
    public init(
        group: any EventLoopGroup,
        hooks: PushHooks = .init(),
        logger: Logger = Logger(label: "martlet.push")
    ) {
        self.hub = Hub(group: group)
        self.hooks = hooks
        self.logger = logger
    }

    /// User channels that somebody is registered for.
    public var channelCount: Int { self.hub.channelCount }

    /// Where clients of the register dialect connect.
    ///
    /// A client that does not read fast enough is closed with 1013 unless `configuration` says otherwise.
    public func endpoint(
        origin: OriginPolicy = .sameHost,
        configuration: WebSocketConfiguration = PushService.defaultConfiguration
    ) -> WebSocketEndpoint {
        WebSocketEndpoint(configuration: configuration, origin: origin) { _, _ in RegisterSession(service: self) }
    }

    /// A register message is short, and a slow client is told to come back later.
    public static var defaultConfiguration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.limits.maximumMessageSize = 64 * 1024
        configuration.overflowPolicy = .close
        return configuration
    }

    /// Sends a message to every connection of its user that is registered for its event.
    ///
    /// - Returns: how many connections took it into their queues.
    public func push(_ message: PushMessage) async -> Int {
        self.counters.add(to: .pushes)
        let count = await self.hub.publish(message.message, to: message.channel)
        self.counters.add(count, to: .deliveries)
        return count
    }

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
