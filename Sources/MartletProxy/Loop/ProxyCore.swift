import Logging
import Synchronization

/// The state that all event loops of a proxy share.
final class ProxyCore: Sendable {
    let logger: Logger
    let accessLog: AccessLog?
    let reactors: [TunnelReactor]
    let connections: ConnectionCount
    /// The number of WebSockets whose bytes go through event loops, over all loops.
    let loopWebSockets = Atomic(0)
    private let current: Mutex<Routing>
    private let draining = Atomic(false)
    private let drainAnnounced = Atomic(false)
    private let stopped = Atomic(false)

    init(_ routing: Routing, accessLog: AccessLog?, reactors: [TunnelReactor], logger: Logger) {
        self.current = Mutex(routing)
        self.accessLog = accessLog
        self.reactors = reactors
        self.logger = logger
        self.connections = ConnectionCount()
    }

    var routing: Routing { self.current.withLock { $0 } }
    func replace(_ routing: Routing) { self.current.withLock { $0 = routing } }

    /// Whether the proxy is shutting down: answers end their connections.
    var isDraining: Bool { self.draining.load(ordering: .relaxed) }
    /// Whether everything has been ended; connections that still come in are closed.
    var isStopped: Bool { self.stopped.load(ordering: .relaxed) }
    func stop() { self.stopped.store(true, ordering: .relaxed) }

    func drain() { self.draining.store(true, ordering: .relaxed) }

    /// Whether health checks of the proxy are answered with 503, in the time before it drains too.
    var isDrainAnnounced: Bool { self.drainAnnounced.load(ordering: .relaxed) || self.isDraining }
    func announceDrain() { self.drainAnnounced.store(true, ordering: .relaxed) }
}
