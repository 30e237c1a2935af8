import NIOCore
import NIOEmbedded

/// The time of in-memory connections: it stands still until a test moves it. Pings, timeouts and round-trip times of
/// ``WebSocketPair`` go by it.
public final class WebSocketTestClock: Sendable {
    let eventLoop = NIOAsyncTestingEventLoop()

    public init() {}

    /// Moves the time on, and runs everything that becomes due.
    public func advance(by duration: Duration) async {
        let (seconds, attoseconds) = duration.components
        await self.eventLoop.advanceTime(by: .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
}
