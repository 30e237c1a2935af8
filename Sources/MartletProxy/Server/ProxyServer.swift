import CMartletSystem
public import Logging
import MartletConfiguration
import MartletWebSocket
import Metrics
public import NIOCore
public import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A reverse proxy for HTTP and WebSocket.
///
/// It listens until graceful shutdown. Then it takes no more connections, closes WebSockets with 1001 in batches over
/// ``ProxyConfiguration/drainTimeout``, and lets plain requests finish.
public final class ProxyServer: Service {
    private struct State {
        var listening: [String: BoundListener] = [:]
        var addresses: [SocketAddress]?
        var waiters: [CheckedContinuation<[SocketAddress], Never>] = []
        /// Whether ``run()`` listens, so that a reload may.
        var isServing = false
        var isStopped = false
    }

    /// Descriptors that are not for clients: listeners, logs, event loops.
    private static let reservedDescriptors = 64

    public let logger: Logger
    private let group: any EventLoopGroup
    private let core: ProxyCore
    private let loops: [ObjectIdentifier: ProxyLoopHandle]
    private let checker: HealthChecker
    private let connectionLimit: Int
    private let state = Mutex(State())
    private let reloading = AsyncLock()

    /// - Parameters:
    ///   - group: default: as many event loops as the machine has cores, shared with everything else that uses NIO.
    /// - Throws: ``ProxyError``.
    public init(
        configuration: ProxyConfiguration, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger
    ) throws {
        let routing = try Routing(configuration, previous: nil)
        let accessLog = try configuration.accessLog.map { settings in
            try AccessLog(settings) { dropped in
                logger.error("lines of the access log are lost", metadata: ["lines": "\(dropped)"])
            }
        }
        // A tunnel takes two descriptors here and, for a moment, two of NIO's.
        let descriptors = Int(clamping: martlet_raise_descriptor_limit())
        let room = descriptors == 0 ? Int.max : max((descriptors - Self.reservedDescriptors) / 2, 1)
        self.connectionLimit = min(configuration.maximumConnections ?? .max, room)
        self.logger = logger
        self.group = group
        var reactors: [TunnelReactor] = []
        do {
            for index in 0..<Array(group.makeIterator()).count {
                reactors.append(try TunnelReactor(name: "tunnels-\(index)"))
            }
        } catch {
            for reactor in reactors { reactor.stop() }
            throw error
        }
        let core = ProxyCore(routing, accessLog: accessLog, reactors: reactors, logger: logger)
        self.core = core
        var loops: [ObjectIdentifier: ProxyLoopHandle] = [:]
        for (index, eventLoop) in group.makeIterator().enumerated() {
            let reactor = reactors[index]
            loops[ObjectIdentifier(eventLoop)] = ProxyLoopHandle(
                ProxyLoop(core: core, eventLoop: eventLoop, reactor: reactor))
        }
        self.loops = loops
        self.checker = HealthChecker(logger: logger)
    }

    /// The addresses that the proxy listens on, in the order of the listeners; waits until it listens.
    public var localAddresses: [SocketAddress] {
        get async {
            await withCheckedContinuation { continuation in
                let known = self.state.withLock { state in
                    if state.addresses == nil { state.waiters.append(continuation) }
                    return state.addresses
                }
                if let known { continuation.resume(returning: known) }
            }
        }
    }

    /// The state of every upstream server, for people and for monitoring.
    public var endpoints: [EndpointStatus] {
        let now = NIODeadline.now()
        return self.core.routing.groups.values.sorted { $0.name < $1.name }.flatMap { group in
            group.endpoints.map {
                EndpointStatus(
                    upstream: group.name, url: $0.url.description, isAvailable: $0.isAvailable(at: now),
                    active: $0.active)
            }
        }
    }

    /// Connections of clients that are open, tunnels included.
    public var connectionCount: Int { self.core.connections.value }
    /// WebSockets that are open.
    public var tunnelCount: Int {
        self.core.reactors.reduce(self.core.loopWebSockets.load(ordering: .relaxed)) { $0 + $1.count }
    }

    /// Whether the proxy is shutting down, or about to.
    public var isDraining: Bool { self.core.isDrainAnnounced }

    /// Hands what is open at this moment to swift-metrics: `proxy_connections`, `proxy_websockets` and, by `upstream`
    /// and `endpoint`, `proxy_endpoint_up` (0 or 1) and `proxy_endpoint_active`.
    public func recordGauges() {
        Meter(label: "proxy_connections").set(self.connectionCount)
        Meter(label: "proxy_websockets").set(self.tunnelCount)
        for endpoint in self.endpoints {
            let dimensions = [("upstream", endpoint.upstream), ("endpoint", endpoint.url)]
            Meter(label: "proxy_endpoint_up", dimensions: dimensions).set(endpoint.isAvailable ? 1 : 0)
            Meter(label: "proxy_endpoint_active", dimensions: dimensions).set(endpoint.active)
        }
    }

    /// Reads the certificates of the listeners again, changed or not. Files that change are noticed within a second
    /// anyway.
    public func reloadCertificates() { self.certificateWatch.reload() }

    /// Opens the access log anew.
    public func reopenLogs() { self.core.accessLog?.reopen() }

    // MARK: Running

    /// - Throws: ``ProxyError`` with the code `bind`.
    public func run() async throws {
        let configuration = self.core.routing.configuration
        do {
            try await self.listen(configuration)
        } catch {
            await self.stopListening()
            self.settle()
            self.end()
            throw error
        }
        self.settle()
        self.state.withLock { $0.isServing = true }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.certificateWatch.run() }
            tasks.addTask { await self.checker.run { Array(self.core.routing.groups.values) } }
            try? await gracefulShutdown()
            await self.waitBeforeDraining()
            // A health check that is under way may take seconds; no connection shall be accepted meanwhile.
            await self.beginDraining()
            tasks.cancelAll()
        }
        // A new task: in one that has been cancelled, sleeping returns at once.
        await Task { await self.drain() }.value
    }

    /// Lets load balancers notice that `/healthz` answers 503 now.
    private func waitBeforeDraining() async {
        let delay = self.core.routing.configuration.drainDelay
        guard delay > .zero else { return }
        self.core.announceDrain()
        self.logger.notice("draining is about to begin", metadata: ["delay": "\(delay.nanoseconds / 1_000_000_000)"])
        // A task of its own: in one that was cancelled, no sleep sleeps.
        await Task { try? await Task.sleep(for: .nanoseconds(delay.nanoseconds)) }.value
    }

    private func beginDraining() async {
        self.state.withLock { $0.isServing = false }
        self.core.drain()
        await self.stopListening()
        for reactor in self.core.reactors { reactor.run { $0.drainArrivals() } }
        for loop in self.loops.values { loop.run { $0.drainClients() } }
    }

    private func listen(_ configuration: ProxyConfiguration) async throws {
        for settings in configuration.listeners {
            let listener = try self.makeListener(settings, configuration.client)
            let bound = try await listener.bind(self.group)
            self.state.withLock { $0.listening[settings.address.description] = bound }
            self.logger.info("listening", metadata: ["address": "\(bound.localAddress?.text ?? "-")"])
        }
    }

    private func makeListener(
        _ settings: ListenerConfiguration, _ limits: ClientConfiguration
    ) throws -> ProxyListener {
        try ProxyListener(
            settings, limits: limits, connectionLimit: self.connectionLimit, core: self.core, loops: self.loops)
    }

    private func settle() {
        let order = self.core.routing.configuration.listeners.map(\.address.description)
        let (addresses, waiters) = self.state.withLock { state in
            let addresses = order.compactMap { state.listening[$0]?.localAddress }
            state.addresses = addresses
            defer { state.waiters = [] }
            return (addresses, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: addresses) }
    }

    private func stopListening() async {
        let listening = self.state.withLock { state in
            defer { state.listening = [:] }
            return state.listening.values
        }
        for one in listening { await one.close() }
    }

    /// The certificates of the listeners.
    var certificates: [ServerTLS] { self.state.withLock { $0.listening.values.compactMap(\.listener.tls) } }

    private var certificateWatch: CertificateWatch {
        CertificateWatch(logger: self.logger) { self.certificates }
    }

    // MARK: Reloading

    /// Puts a new configuration in force: it applies to new requests, and everything under way goes on under the old
    /// one. Listeners that are no longer in it stop accepting and keep their connections. Changes to `admin`,
    /// `accessLog` and `maximumConnections` take effect after a restart.
    ///
    /// - Throws: ``ProxyError``; then the old configuration stays in force. While the proxy does not serve, nothing
    ///   changes.
    public func reload(_ configuration: ProxyConfiguration) async throws {
        try await self.reloading.withLock {
            guard self.state.withLock({ $0.isServing }) else { return }
            let (asked, old) = (configuration, self.core.routing.configuration)
            let configuration = ProxyConfiguration.table.keepingFixed(of: old, in: asked)
            let routing = try Routing(configuration, previous: self.core.routing)
            let known = self.state.withLock { $0.listening }
            var added: [(String, BoundListener)] = []
            do {
                for settings in configuration.listeners {
                    let listener = try self.makeListener(settings, configuration.client)
                    guard let old = known[settings.address.description] else {
                        added.append((settings.address.description, try await listener.bind(self.group)))
                        continue
                    }
                    if !old.listener.isSame(as: settings, limits: configuration.client) {
                        // On the same socket: a connection that waits to be accepted is accepted by one of the two.
                        let socket = try await old.socketForSuccessor()
                        added.append(
                            (settings.address.description, try await listener.bind(self.group, takingOver: socket)))
                    }
                }
            } catch {
                for (_, one) in added { await one.close() }
                throw error
            }
            guard self.state.withLock({ $0.isServing }) else {
                for (_, one) in added { await one.close() }
                return
            }
            self.warn(of: asked, since: old)
            self.core.replace(routing)
            let wanted = Set(configuration.listeners.map(\.address.description))
            let (gone, replaced) = self.state.withLock { state in
                let replaced = added.compactMap { key, one in state.listening.updateValue(one, forKey: key) }
                let gone = state.listening.filter { !wanted.contains($0.key) }
                for key in gone.keys { state.listening[key] = nil }
                return (gone, replaced)
            }
            for one in replaced + gone.values { await one.close() }
            for (_, one) in added {
                self.logger.info("listening", metadata: ["address": "\(one.localAddress?.text ?? "-")"])
            }
            for (address, _) in gone {
                self.logger.info("no longer listening", metadata: ["address": "\(address)"])
            }
            let kept = Set(routing.groups.values.flatMap(\.endpoints).map { ObjectIdentifier($0) })
            for loop in self.loops.values {
                loop.run { $0.pool.keepOnly(kept) }
            }
            self.logger.notice(
                "took a new configuration",
                metadata: ["routes": "\(configuration.routes.count)", "upstreams": "\(configuration.upstreams.count)"])
        }
    }

    /// Logs which changes wait for a restart.
    private func warn(of new: ProxyConfiguration, since old: ProxyConfiguration) {
        for key in ProxyConfiguration.table.fixedDifferences(new, old) {
            self.logger.warning("this change waits for a restart", metadata: ["key": "\(key)"])
        }
    }

    // MARK: Shutting down

    private func drain() async {
        let time = self.core.routing.configuration.drainTimeout
        let total = self.connectionCount
        self.logger.notice(
            "draining", metadata: ["connections": "\(total)", "seconds": "\(time.nanoseconds / 1_000_000_000)"])
        await self.drainWebSockets(over: time)
        // Closing handshakes and answers that are under way.
        let deadline = NIODeadline.now() + max(.seconds(6), min(time, .seconds(30)))
        while self.connectionCount > 0, NIODeadline.now() < deadline {
            // Opening handshakes that were under way have become WebSockets since.
            for reactor in self.core.reactors { reactor.drain(.max / 2) }
            for loop in self.loops.values { loop.run { $0.drainWebSockets(.max) } }
            try? await Task.sleep(for: .milliseconds(50))
        }
        if self.connectionCount > 0 {
            self.logger.warning(
                "aborted connections that were still open", metadata: ["connections": "\(self.connectionCount)"])
        }
        self.end()
        // The last tunnels report their end on other threads.
        for _ in 0..<100 where self.connectionCount > 0 { try? await Task.sleep(for: .milliseconds(10)) }
        await self.core.accessLog?.flush()
    }

    private func drainWebSockets(over time: TimeAmount) async {
        var plan = DrainPlan(over: time)
        while let batch = plan.next(), self.connectionCount > 0 {
            for reactor in self.core.reactors {
                reactor.drain(batch.isLast ? .max / 2 : batch.count(of: reactor.count))
            }
            for loop in self.loops.values {
                loop.run { loop in
                    loop.drainWebSockets(batch.isLast ? .max : batch.count(of: loop.webSocketCount))
                }
            }
            if !batch.isLast { try? await Task.sleep(for: .nanoseconds(DrainPlan.step.nanoseconds)) }
        }
    }

    private func end() {
        let isFirst = self.state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
        guard isFirst else { return }
        self.core.stop()
        for reactor in self.core.reactors { reactor.stop() }
        for loop in self.loops.values {
            loop.run { loop in
                loop.abort()
                loop.pool.keepOnly([])
            }
        }
    }

    deinit { self.end() }
}
