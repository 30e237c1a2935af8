import Synchronization

/// What the service has seen so far. Safe to use from any thread.
public final class PushCounters: Sendable {
    private final class Counter: Sendable { let value = Atomic(0) }

    private let values = Name.allCases.map { _ in Counter() }

    /// The counters, by the names under which `/metrics` shows them.
    public enum Name: Int, CaseIterable, Sendable {
        /// WebSockets that are open now.
        case sessions
        /// Streams of server-sent events that are open now.
        case eventStreams
        /// Polls that wait now.
        case polls
        case registrations
        case refusedRegistrations
        case pushes
        case refusedPushes
        /// Messages that a connection took, by what carries it.
        case webSocketDeliveries
        case eventStreamDeliveries
        case pollDeliveries
        case drops
        /// WebSockets that were closed because their clients read too slowly.
        case slowWebSockets
        /// Streams of server-sent events that were closed for that.
        case slowEventStreams
        /// Messages that a slow client never got, under ``PushLimits/SlowClientPolicy/dropOldest``.
        case droppedMessages
        /// Sessions that were refused because their user has too many.
        case refusedSessions
        /// Requests and connections that came too often.
        case rateLimited
        /// Tokens that ran out while their clients were connected.
        case expiredTokens
    }

    package func add(_ count: Int = 1, to name: Name) {
        self.values[name.rawValue].value.add(count, ordering: .relaxed)
    }

    public subscript(_ name: Name) -> Int { self.values[name.rawValue].value.load(ordering: .relaxed) }
}
