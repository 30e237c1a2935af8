public import Logging
import MartletProtocol
public import NIOCore
import NIOExtras
public import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A stand-alone WebSocket server. Plain HTTP requests are answered with an error that says so.
///
/// It is a `Service` of swift-service-lifecycle. On graceful shutdown it accepts no more connections, closes the open
/// ones with 1001, and returns when they have ended, at the latest after the configuration's `closeTimeout`, and their
/// handlers have returned; handlers that have not after another ``Configuration/handlerTimeout`` are cancelled.
public final class WebSocketServer: Service {
    /// Code that serves one connection. When it returns, the connection is closed with 1000; when it throws, with 1011.
    public typealias ConnectionHandler =
        @Sendable (_ request: WebSocketRequest, _ socket: WebSocketConnection) async throws -> Void

    private typealias Job = @Sendable (_ group: inout DiscardingTaskGroup) -> Void

    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let endpoints = Mutex<[String: WebSocketEndpoint]>([:])
    private struct Addresses {
        /// The addresses once the server listens, or the error if it cannot.
        var result: Result<[SocketAddress], any Error>?
        var waiters: [CheckedContinuation<[SocketAddress], any Error>] = []
    }

    private let addresses = Mutex(Addresses())
    private let handlers = RunningHandlers()
    private let jobs: AsyncStream<Job>
    private let jobContinuation: AsyncStream<Job>.Continuation

    public init(
        configuration: Configuration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.websocket")
    ) {
        self.configuration = configuration
        self.group = eventLoopGroup
        self.logger = logger
        (self.jobs, self.jobContinuation) = AsyncStream.makeStream()
    }

    /// Serves WebSockets at a path, each by a call of `handler` on the connection's event loop. The handler must not
    /// block its thread.
    ///
    /// - Parameters:
    ///   - path: the path; `*` for every path that has no route of its own.
    ///   - origin: which pages may connect.
    ///   - subprotocols: the subprotocols in the server's order of preference.
    ///   - configuration: the settings of these connections; `nil` for the server's.
    ///   - authorize: called before the upgrade, after every other check.
    public func route(
        _ path: String,
        origin: OriginPolicy = .sameHost,
        subprotocols: [String] = [],
        configuration: WebSocketConfiguration? = nil,
        authorize: (@Sendable (WebSocketRequest) async -> WebSocketAuthorization)? = nil,
        handler: @escaping ConnectionHandler
    ) {
        let logger = self.logger
        let jobs = self.jobContinuation
        let handlers = self.handlers
        let endpoint = WebSocketEndpoint(
            configuration: configuration ?? self.configuration.webSocket, origin: origin, subprotocols: subprotocols,
            authorize: authorize
        ) { request, _ in
            ConnectionBridge { connection in
                handlers.began()
                jobs.yield { group in
                    group.addTask(executorPreference: connection.executor) {
                        await connection.serve(request, logger: logger, handler)
                        handlers.ended()
                    }
                }
            }
        }
        self.route(path, endpoint: endpoint)
    }

    /// Serves WebSockets at a path on the event-loop tier.
    public func route(_ path: String, endpoint: WebSocketEndpoint) {
        self.endpoints.withLock { $0[path] = endpoint }
    }

    /// The address of the server's first listener; waits until it listens.
    public var localAddress: SocketAddress {
        get async throws { try await self.localAddresses[0] }
    }

    /// The addresses of the server, in the order of the listeners; waits until it listens.
    public var localAddresses: [SocketAddress] {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let known = self.addresses.withLock { state in
                    if state.result == nil { state.waiters.append(continuation) }
                    return state.result
                }
                if let known { continuation.resume(with: known) }
            }
        }
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: ``WebSocketError`` with the code `bindFailed`.
    public func run() async throws {
        let endpoints = self.endpoints.withLock { $0 }
        var running: [(channel: any Channel, quiescing: ServerQuiescingHelper)] = []
        var files: [SocketFile] = []
        do {
            for listener in self.configuration.listeners {
                let quiescing = ServerQuiescingHelper(group: self.group)
                do {
                    running.append((try await self.bind(listener, endpoints, quiescing), quiescing))
                    if case .unix(let path) = listener.place { files.append(SocketFile(path)) }
                } catch {
                    throw WebSocketError(.bindFailed, reason: "cannot listen on \(listener)", cause: error)
                }
            }
        } catch {
            for (channel, _) in running { try? await channel.close() }
            for file in files { file.remove() }
            self.settleAddresses(.failure(error))
            throw error
        }
        for (channel, _) in running {
            self.logger.info("listening", metadata: ["address": "\(channel.localAddress?.text ?? "-")"])
        }
        self.settleAddresses(.success(running.compactMap(\.channel.localAddress)))
        await self.serve(running.map(\.quiescing))
        for file in files { file.remove() }
    }

    private func serve(_ listeners: [ServerQuiescingHelper]) async {
        let hasBegun = Atomic(false)
        let eventLoop = self.group.next()
        let drained = listeners.map { _ in eventLoop.makePromise(of: Void.self) }
        let drain: @Sendable () -> Void = {
            guard hasBegun.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
            for (listener, promise) in zip(listeners, drained) { listener.initiateShutdown(promise: promise) }
        }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await withTaskGroup(of: Void.self) { certificates in
                    certificates.addTask { await self.watchCertificates() }
                    await withDiscardingTaskGroup { group in
                        group.addTask {
                            for promise in drained { try? await promise.futureResult.get() }
                            self.jobContinuation.finish()
                        }
                        for await job in self.jobs { job(&group) }
                        // Every connection has ended. Handlers that wait for something else are cancelled.
                        await self.handlers.wait(atMost: self.configuration.handlerTimeout)
                        group.cancelAll()
                    }
                    certificates.cancelAll()
                }
            } onGracefulShutdown: {
                drain()
            }
        } onCancel: {
            drain()
        }
    }

    private func watchCertificates() async {
        let certificates = self.configuration.listeners.compactMap(\.tls)
        guard !certificates.isEmpty else { return }
        await CertificateWatch(interval: self.configuration.certificateCheckInterval, logger: self.logger) {
            certificates
        }.run()
    }

    private func settleAddresses(_ result: Result<[SocketAddress], any Error>) {
        let waiters = self.addresses.withLock { state in
            state.result = result
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    private func bind(
        _ listener: Listener, _ endpoints: [String: WebSocketEndpoint], _ quiescing: ServerQuiescingHelper
    ) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: Int32(self.configuration.backlog))
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without free descriptors, NIO would try again at once and for ever.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                    try channel.pipeline.syncOperations.addHandler(
                        quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelInitializer { [configuration = self.configuration, logger = self.logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.install(on: channel, listener, configuration, logger, endpoints)
                }
            }
        switch listener.place {
        case .tcp(let host, let port):
            return try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(host: host, port: port).get()
        case .unix(let path):
            return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        }
    }

    private static func install(
        on channel: any Channel, _ listener: Listener, _ configuration: Configuration, _ logger: Logger,
        _ endpoints: [String: WebSocketEndpoint]
    ) throws {
        let place = configuration.limits.admitConnection(from: channel.remoteAddress?.ipAddress) { channel.cut() }
        guard let place else {
            logger.info("refused a connection: too many connections", metadata: ["status": "503"])
            RefusalCounter.count(status: 503)
            if listener.tls == nil {
                try channel.pipeline.syncOperations.addHandler(OverloadHandler())
            } else {
                channel.close(promise: nil)
            }
            return
        }
        channel.closeFuture.whenComplete { _ in place.end() }
        if let tls = listener.tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
        let handler = WebSocketUpgradeHandler(
            limits: configuration.http, isSecure: listener.tls != nil, trustedProxies: configuration.trustedProxies,
            connectionLimiter: configuration.limits, logger: logger
        ) { request in
            endpoints[WebSocketRequest.path(of: request)] ?? endpoints["*"]
        }
        handler.place = place
        try handler.install(on: channel)
    }
}
