import Synchronization

/// `PushCounters` are the figures of a push service since it began. Safe to use from any thread.
public final class PushCounters: Sendable {
    private final class Counter: Sendable { let value = Atomic(0) }

    /// The name of a counter. Figures of sessions have one for each transport, so that a new transport brings its own.
    public struct Name: Sendable, Hashable {
        /// Figures that are kept for each transport.
        private enum Keyed: Int, CaseIterable {
            case sessions
            case deliveries
            case slowConsumers
        }

        /// Figures of the whole service.
        private enum Plain: Int, CaseIterable {
            case registrations
            case refusedRegistrations
            case pushes
            case refusedPushes
            case drops
            case droppedMessages
            case refusedSessions
            case rateLimited
            case expiredTokens
            case failedPushes
            case uncheckedTokens
        }

        /// Room for transports. It is a constant, as is the number of a counter: nothing is looked up when one is added to.
        private static var transportCount: Int { 8 }
        private static var keyedCount: Int { 3 * Self.transportCount }

        fileprivate static var count: Int { Self.keyedCount + Plain.allCases.count }

        fileprivate let index: Int

        private init(_ plain: Plain) { self.index = Self.keyedCount + plain.rawValue }

        private init(_ keyed: Keyed, _ transport: SessionTransport) {
            self.index = keyed.rawValue * Self.transportCount + transport.index
        }

        // MARK: By transport

        /// Sessions that are open now; polls that wait now.
        public static func sessions(_ transport: SessionTransport) -> Self { Self(.sessions, transport) }
        /// Messages that a session took.
        public static func deliveries(_ transport: SessionTransport) -> Self { Self(.deliveries, transport) }
        /// Sessions that were closed because their clients read too slowly.
        public static func slowConsumers(_ transport: SessionTransport) -> Self { Self(.slowConsumers, transport) }

        /// WebSockets that are open now.
        public static var sessions: Self { Self.sessions(.websocket) }
        /// Streams of server-sent events that are open now.
        public static var eventStreams: Self { Self.sessions(.sse) }
        /// Polls that wait now.
        public static var polls: Self { Self.sessions(.poll) }
        /// Messages that a WebSocket took.
        public static var webSocketDeliveries: Self { Self.deliveries(.websocket) }
        /// Messages that a stream of server-sent events took.
        public static var eventStreamDeliveries: Self { Self.deliveries(.sse) }
        /// Messages that a poll took.
        public static var pollDeliveries: Self { Self.deliveries(.poll) }
        /// WebSockets that were closed because their clients read too slowly.
        public static var slowWebSockets: Self { Self.slowConsumers(.websocket) }
        /// Streams of server-sent events that were closed because their clients read too slowly.
        public static var slowEventStreams: Self { Self.slowConsumers(.sse) }

        // MARK: Of the whole service

        /// Events that clients subscribed to.
        public static var registrations: Self { Self(.registrations) }
        /// Subscriptions that were refused.
        public static var refusedRegistrations: Self { Self(.refusedRegistrations) }
        /// Publications that were accepted.
        public static var pushes: Self { Self(.pushes) }
        /// Requests to the API that were refused.
        public static var refusedPushes: Self { Self(.refusedPushes) }
        /// Sessions that the back end disconnected.
        public static var drops: Self { Self(.drops) }
        /// Messages that a slow client never got, under ``SlowConsumerPolicy/dropOldest``.
        public static var droppedMessages: Self { Self(.droppedMessages) }
        /// Sessions that were refused because their user has too many.
        public static var refusedSessions: Self { Self(.refusedSessions) }
        /// Requests and connections that came too often.
        public static var rateLimited: Self { Self(.rateLimited) }
        /// Tokens that expired while their clients were connected.
        public static var expiredTokens: Self { Self(.expiredTokens) }
        /// Publications that the broker did not confirm.
        public static var failedPushes: Self { Self(.failedPushes) }
        /// Tokens that could not be checked at the moment.
        public static var uncheckedTokens: Self { Self(.uncheckedTokens) }
    }

    /// Refusals by reason.
    package let refusals = RefusalCounts()
    /// Closed WebSockets by close code.
    package let closes = CloseCounts()
    private let values = (0..<Name.count).map { _ in Counter() }

    package init() {}

    package func add(_ count: Int = 1, to name: Name) {
        self.values[name.index].value.add(count, ordering: .relaxed)
    }

    public subscript(_ name: Name) -> Int { self.values[name.index].value.load(ordering: .relaxed) }
}
