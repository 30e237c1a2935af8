import MartletWebSocket
import Synchronization

/// Where a route says that the request that is being answered becomes a WebSocket.
final class UpgradeSlot: Sendable {
    /// Set while the router answers a handshake.
    @TaskLocal static var current: UpgradeSlot?

    /// Runs the handlers of the async tier.
    let jobs: ConnectionJob
    private let chosen = Mutex<WebSocketEndpoint?>(nil)

    init(jobs: ConnectionJob) { self.jobs = jobs }

    var endpoint: WebSocketEndpoint? {
        get { self.chosen.withLock { $0 } }
        set { self.chosen.withLock { $0 = newValue } }
    }
}
