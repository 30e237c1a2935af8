import MartletWebSocket
import Synchronization

/// A slot in which a route says that the request being answered becomes a WebSocket.
final class UpgradeSlot: Sendable {
    /// The slot of the handshake that the router is answering; `nil` otherwise.
    @TaskLocal static var current: UpgradeSlot?

    /// The job that runs the handlers of the async tier.
    let jobs: ConnectionJob
    private let chosen = Mutex<WebSocketEndpoint?>(nil)

    init(jobs: ConnectionJob) { self.jobs = jobs }

    var endpoint: WebSocketEndpoint? {
        get { self.chosen.withLock { $0 } }
        set { self.chosen.withLock { $0 = newValue } }
    }
}
