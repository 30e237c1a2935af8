import NIOCore
import Synchronization

/// The state that the connections of one event loop share. It is used on that event loop alone.
final class ProxyLoop {
    let core: ProxyCore
    let eventLoop: any EventLoop
    let pool = ConnectionPool()
    /// The metrics of requests that match no route.
    let metrics = RouteMetrics(route: "-")
    /// Moves the bytes of this loop's tunnels.
    let reactor: TunnelReactor
    /// Connections of clients, except those whose bytes the reactor moves.
    private var connections: [ObjectIdentifier: any LoopConnection] = [:]
    /// WebSockets whose bytes go through this event loop: over TLS, or compressed.
    private var webSockets: [ObjectIdentifier: any LoopWebSocket] = [:]
    private var ticker: RepeatedTask?

    init(core: ProxyCore, eventLoop: any EventLoop, reactor: TunnelReactor) {
        self.core = core
        self.eventLoop = eventLoop
        self.reactor = reactor
    }

    func opened(_ connection: any LoopConnection) { self.connections[ObjectIdentifier(connection)] = connection }
    func closed(_ connection: any LoopConnection) { self.connections[ObjectIdentifier(connection)] = nil }

    func opened(_ webSocket: any LoopWebSocket) {
        guard self.webSockets.updateValue(webSocket, forKey: ObjectIdentifier(webSocket)) == nil else { return }
        self.core.loopWebSockets.add(1, ordering: .relaxed)
        guard self.ticker == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.ticker = self.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            bound.value.tick()
        }
    }

    func closed(_ webSocket: any LoopWebSocket) {
        guard self.webSockets.removeValue(forKey: ObjectIdentifier(webSocket)) != nil else { return }
        self.core.loopWebSockets.subtract(1, ordering: .relaxed)
        if self.webSockets.isEmpty {
            self.ticker?.cancel()
            self.ticker = nil
        }
    }

    var webSocketCount: Int { self.webSockets.count }

    private func tick() {
        let now = Int64(NIODeadline.now().uptimeNanoseconds)
        for webSocket in self.webSockets.values { webSocket.tick(now: now) }
    }

    /// Ends idle connections at once, and those that carry a request after its answer.
    func drainClients() {
        for connection in self.connections.values { connection.drain() }
    }

    /// Closes `count` WebSockets with 1001.
    func drainWebSockets(_ count: Int) {
        for webSocket in self.webSockets.values.filter({ !$0.isClosing }).prefix(count) { webSocket.drain() }
    }

    /// Ends everything at once.
    func abort() {
        for connection in self.connections.values { connection.abort() }
        for webSocket in self.webSockets.values { webSocket.abort() }
    }
}
