public import Logging
import MartletProtocol
public import NIOCore
import NIOExtras
public import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A stand-alone WebSocket server. Plain HTTP requests get an answer that says so.
///
/// A `Service` of swift-service-lifecycle: on graceful shutdown it takes no more connections, closes those it has with
/// 1001 and returns when they have ended, at the latest after the configuration's `closeTimeout`.
public final class WebSocketServer: Service {
    public struct Configuration: Sendable {
        public var host: String
        /// 0 lets the kernel choose: see ``WebSocketServer/localAddress``.
        public var port: Int
        /// Of every connection, unless a route has its own.
        public var webSocket: WebSocketConfiguration
        public var http: HTTPLimits
        /// Connections that the kernel may hold before we accept them. Default: 4,096.
        public var backlog: Int

        public init(
            host: String = "127.0.0.1",
            port: Int = 8080,
            webSocket: WebSocketConfiguration = .init(),
            http: HTTPLimits = .init(),
            backlog: Int = 4096
        ) {
            self.host = host
            self.port = port
            self.webSocket = webSocket
            self.http = http
            self.backlog = backlog
        }
    }

    /// Code that serves one connection. Leaving it closes the connection with 1000, throwing with 1011.
    public typealias ConnectionHandler =
        @Sendable (_ request: WebSocketRequest, _ socket: WebSocketConnection) async throws -> Void

    private typealias Job = @Sendable (_ group: inout DiscardingTaskGroup) -> Void

    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let endpoints = Mutex<[String: WebSocketEndpoint]>([:])
    private struct Address {
        /// Known once the server listens, or cannot.
        var result: Result<SocketAddress, any Error>?
        var waiters: [CheckedContinuation<SocketAddress, any Error>] = []
    }

    private let address = Mutex(Address())
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
    public func route(
        _ path: String,
        origin: OriginPolicy = .sameHost,
        subprotocols: [String] = [],
        authorize: (@Sendable (WebSocketRequest) async -> WebSocketAuthorization)? = nil,
        handler: @escaping ConnectionHandler
    ) {
        let logger = self.logger
        let jobs = self.jobContinuation
        let endpoint = WebSocketEndpoint(
            configuration: self.configuration.webSocket, origin: origin, subprotocols: subprotocols,
            authorize: authorize
        ) { request, _ in
            ConnectionBridge { connection in
                jobs.yield { group in
                    group.addTask(executorPreference: connection.executor) {
                        do {
                            _ = try await connection.run { try await handler(request, $0) }
                        } catch {
                            logger.debug("a connection's handler threw", metadata: ["error": "\(error)"])
                        }
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

    /// Where the server listens; waits until it does.
    public var localAddress: SocketAddress {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let known = self.address.withLock { state in
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
        let quiescing = ServerQuiescingHelper(group: self.group)
        let channel: any Channel
        do {
            channel = try await self.bind(endpoints, quiescing)
        } catch {
            let place = "\(self.configuration.host):\(self.configuration.port)"
            let error = WebSocketError(.bindFailed, reason: "cannot listen on \(place)", cause: error)
            self.settleAddress(.failure(error))
            throw error
        }
        self.logger.info("listening", metadata: ["address": "\(channel.localAddress?.description ?? "-")"])
        if let address = channel.localAddress { self.settleAddress(.success(address)) }

        let drained = channel.eventLoop.makePromise(of: Void.self)
        let hasBegun = Atomic(false)
        let drain: @Sendable () -> Void = {
            guard hasBegun.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
            quiescing.initiateShutdown(promise: drained)
        }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await withDiscardingTaskGroup { group in
                    group.addTask {
                        try? await drained.futureResult.get()
                        self.jobContinuation.finish()
                    }
                    for await job in self.jobs { job(&group) }
                }
            } onGracefulShutdown: {
                drain()
            }
        } onCancel: {
            drain()
        }
    }

    private func settleAddress(_ result: Result<SocketAddress, any Error>) {
        let waiters = self.address.withLock { state in
            state.result = result
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    private func bind(
        _ endpoints: [String: WebSocketEndpoint], _ quiescing: ServerQuiescingHelper
    ) async throws -> any Channel {
        try await ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: Int32(self.configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without descriptors left, NIO would try again at once and for ever.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                    try channel.pipeline.syncOperations.addHandler(
                        quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [http = self.configuration.http, logger = self.logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try WebSocketUpgradeHandler(limits: http, isSecure: false, logger: logger) { request in
                        endpoints[WebSocketRequest.path(of: request)]
                    }.install(on: channel)
                }
            }
            .bind(host: self.configuration.host, port: self.configuration.port)
            .get()
    }
}
