import HTTPTypes
import Hummingbird
import Logging
import MartletHummingbird
import MartletWebSocket
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// An HTTP server with WebSocket endpoints by path, and further routes.
struct HTTPServer: Sendable {
    /// The endpoints that answer on the event loop, without the router.
    struct Endpoints: Sendable {
        var webSocket: @Sendable (HTTPRequest) -> WebSocketEndpoint?
        var request: @Sendable (HTTPRequestHead) -> RequestEndpoint? = { _ in nil }
        var stream: @Sendable (HTTPRequest) -> StreamEndpoint? = { _ in nil }
    }

    let configuration: HTTPServerConfiguration
    let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void
    let server: ConnectionServer
    let readiness: Readiness
    let manager = ServiceManager()

    /// - Parameter onListening: called with the address, its port known, once connections are accepted.
    init(
        _ configuration: HTTPServerConfiguration, group: any EventLoopGroup, logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void, readiness: Readiness = Readiness(),
        endpoints: Endpoints, routes: (Router<ServiceRequestContext>) -> Void
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
        self.readiness = readiness
        let router = Router(context: ServiceRequestContext.self, options: .autoGenerateHeadEndpoints)
        routes(router)
        if configuration.isForOperators {
            router.get("/healthz") { _, _ in "ok\n" }
            router.get("/readyz") { _, _ in
                readiness.isReady ? Response.text("ok\n") : .text("draining\n", status: .serviceUnavailable)
            }
        }
        self.server = ConnectionServer(
            group: group,
            protocols: ServedProtocols(
                WebSocketChildChannel(
                    responder: HTTPResponder(
                        router.buildResponder(), isSecure: configuration.tls != nil, logger: logger
                    ).respond,
                    limits: configuration.limits, trustedProxies: configuration.trustedProxies,
                    connectionLimiter: configuration.limiter, requestEndpoint: endpoints.request,
                    streamEndpoint: endpoints.stream, endpoint: endpoints.webSocket),
                tls: configuration.tls),
            limiter: configuration.limiter, logger: logger)
    }

    /// Serves until graceful shutdown, drains, and returns when the last connection has ended.
    ///
    /// - Throws: ``ServerError`` with the code `bind`.
    ///
    /// - Parameter onListened: called once it was told where the server listens.
    func run(onListened: () async -> Void = {}) async throws {
        let sockets = try await self.listen()
        self.readiness.set(true)
        for socket in sockets {
            self.logger.info("listening", metadata: ["address": "\(socket.localAddress?.text ?? "-")"])
        }
        await self.onListening(self.address(of: sockets[0]))
        await onListened()
        self.manager.tell("READY=1")
        let certificates = CertificateWatch(logger: self.logger) { [tls = self.configuration.tls] in
            tls.map { [$0] } ?? []
        }
        let background = [Task { await self.manager.keepAlive() }, Task { await certificates.run() }]
        defer { for task in background { task.cancel() } }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await self.server.run()
            } onGracefulShutdown: {
                Task { await self.drain(sockets) }
            }
        } onCancel: {
            for socket in sockets { socket.close(promise: nil) }
        }
    }

    // MARK: Beside another server

    /// Listens, and serves until ``RunningHTTPServer/stop()``.
    ///
    /// - Throws: ``ServerError`` with the code `bind`.
    func start() async throws -> RunningHTTPServer {
        let sockets = try await self.listen()
        let address = self.address(of: sockets[0])
        self.logger.info("listening for operators", metadata: ["address": "\(address)"])
        return RunningHTTPServer(self, address, sockets)
    }

    private func listen() async throws -> [any Channel] {
        let inherited = self.configuration.inheritsSockets ? ServiceManager.sockets() : []
        var sockets: [any Channel] = []
        let places =
            inherited.isEmpty
            ? self.configuration.listen.map { (ListeningSocket($0), "\($0)") }
            : inherited.map { (.descriptor($0), "a socket that was handed over") }
        for (socket, name) in places {
            do {
                sockets += try await self.server.listen(on: [socket], isShared: self.configuration.isPortShared)
            } catch {
                for socket in sockets { try? await socket.close() }
                throw ServerError(.bind, reason: "cannot listen on \(name)", cause: error)
            }
        }
        guard !inherited.isEmpty else { return sockets }
        // The address of a socket that was handed over is only known now.
        if let refusal = sockets.lazy.compactMap({ Self.realAddress(of: $0) }).compactMap(self.configuration.refusal)
            .first
        {
            for socket in sockets { try? await socket.close() }
            throw ServerError(.configuration, reason: refusal)
        }
        return sockets
    }

    private static func realAddress(of socket: any Channel) -> ListenAddress? {
        guard let address = socket.localAddress, let host = address.ipAddress, let port = address.port else {
            return nil
        }
        return ListenAddress(host: host, port: port)
    }

    /// Returns the address that was configured, with the port that the kernel chose; for a socket that was handed over,
    /// its own.
    private func address(of socket: any Channel) -> ListenAddress {
        let listen = self.configuration.listen[0]
        guard let port = socket.localAddress?.port else { return listen }
        guard port != listen.port, listen.port != 0 else { return ListenAddress(host: listen.host, port: port) }
        return ListenAddress(host: socket.localAddress?.ipAddress ?? listen.host, port: port)
    }
}
