import NIOCore
import NIOEmbedded

/// The clock of in-memory connections, which stands still until a test moves it. Pings, timeouts and round-trip times
/// of ``WebSocketPair`` are measured by it.
public final class WebSocketTestClock: Sendable {
    let eventLoop = NIOAsyncTestingEventLoop()

    public init() {}

    /// Moves the time forward, and runs everything that becomes due.
    public func advance(by duration: Duration) async {
        let (seconds, attoseconds) = duration.components
        await self.eventLoop.advanceTime(by: .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
}
