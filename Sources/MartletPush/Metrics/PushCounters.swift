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
        }

        fileprivate static let count =
            Keyed.allCases.count * SessionTransport.allCases.count + Plain.allCases.count

        fileprivate let index: Int

        private init(_ plain: Plain) { self.index = plain.rawValue }

        private init(_ keyed: Keyed, _ transport: SessionTransport) {
            self.index = Plain.allCases.count + keyed.rawValue * SessionTransport.allCases.count + transport.index
        }

        // MARK: By transport

        /// Sessions that are open now; polls that wait now.
        public static func sessions(_ transport: SessionTransport) -> Self { Self(.sessions, transport) }
        /// Messages that a session took.
        public static func deliveries(_ transport: SessionTransport) -> Self { Self(.deliveries, transport) }
        /// Sessions that were closed because their clients read too slowly.
        public static func slowConsumers(_ transport: SessionTransport) -> Self { Self(.slowConsumers, transport) }

        /// WebSockets that are open now.
        public static let sessions = Self.sessions(.websocket)
        /// Streams of server-sent events that are open now.
        public static let eventStreams = Self.sessions(.sse)
        /// Polls that wait now.
        public static let polls = Self.sessions(.poll)
        /// Messages that a WebSocket took.
        public static let webSocketDeliveries = Self.deliveries(.websocket)
        /// Messages that a stream of server-sent events took.
        public static let eventStreamDeliveries = Self.deliveries(.sse)
        /// Messages that a poll took.
        public static let pollDeliveries = Self.deliveries(.poll)
        /// WebSockets that were closed because their clients read too slowly.
        public static let slowWebSockets = Self.slowConsumers(.websocket)
        /// Streams of server-sent events that were closed because their clients read too slowly.
        public static let slowEventStreams = Self.slowConsumers(.sse)

        // MARK: Of the whole service

        /// Events that clients subscribed to.
        public static let registrations = Self(.registrations)
        /// Subscriptions that were refused.
        public static let refusedRegistrations = Self(.refusedRegistrations)
        /// Publications that were accepted.
        public static let pushes = Self(.pushes)
        /// Requests to the API that were refused.
        public static let refusedPushes = Self(.refusedPushes)
        /// Sessions that the back end disconnected.
        public static let drops = Self(.drops)
        /// Messages that a slow client never got, under ``SlowConsumerPolicy/dropOldest``.
        public static let droppedMessages = Self(.droppedMessages)
        /// Sessions that were refused because their user has too many.
        public static let refusedSessions = Self(.refusedSessions)
        /// Requests and connections that came too often.
        public static let rateLimited = Self(.rateLimited)
        /// Tokens that expired while their clients were connected.
        public static let expiredTokens = Self(.expiredTokens)
        /// Publications that the broker did not confirm.
        public static let failedPushes = Self(.failedPushes)
    }

    private let values = (0..<Name.count).map { _ in Counter() }

    package init() {}

    package func add(_ count: Int = 1, to name: Name) {
        self.values[name.index].value.add(count, ordering: .relaxed)
    }

    public subscript(_ name: Name) -> Int { self.values[name.index].value.load(ordering: .relaxed) }
}
