import CMartletSystem
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import MartletHummingbird
import MartletWebSocket
import NIOCore
import NIOHTTP1
import Synchronization

/// An HTTP server with a page at `/`, WebSocket endpoints by path, and further routes.
struct HTTPServer {
    /// Descriptors that are not for connections: the listener, the log, event loops, files.
    private static let reservedDescriptors = 64

    private let listen: ListenAddress
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let tls: ServerTLS?
    private let endpoint: @Sendable (HTTPRequest) -> WebSocketEndpoint?
    private let requestEndpoint: @Sendable (HTTPRequestHead) -> RequestEndpoint?
    private let streamEndpoint: @Sendable (HTTPRequest) -> StreamEndpoint?
    private let router: Router<RequestContext>

    init(
        listen: ListenAddress,
        group: any EventLoopGroup,
        logger: Logger,
        page: ByteBuffer,
        tls: ServerTLS? = nil,
        onListening: @escaping @Sendable (ListenAddress) async -> Void,
        endpoint: @escaping @Sendable (HTTPRequest) -> WebSocketEndpoint?,
        requestEndpoint: @escaping @Sendable (HTTPRequestHead) -> RequestEndpoint? = { _ in nil },
        streamEndpoint: @escaping @Sendable (HTTPRequest) -> StreamEndpoint? = { _ in nil },
        routes: (Router<RequestContext>) -> Void
    ) {
        self.listen = listen
        self.group = group
        self.logger = logger
        self.onListening = onListening
        self.endpoint = endpoint
        self.requestEndpoint = requestEndpoint
        self.streamEndpoint = streamEndpoint
        self.tls = tls
        self.router = Router(context: RequestContext.self)
        routes(self.router)
        self.router.get("/") { _, _ in Console.response(page) }
        self.router.get("/healthz") { _, _ in "ok\n" }
    }

    /// Serves until graceful shutdown, and returns when the last connection has ended.
    ///
    /// - Throws: ``ServerError`` with the code `bind`.
    func run() async throws {
        let listen = self.listen
        let onListening = self.onListening
        let connections = OpenConnections()
        let isListening = Atomic(false)
        // The soft limit is 1,024 on many systems, and every connection takes a descriptor.
        let descriptors = Int(clamping: martlet_raise_descriptor_limit())
        let capacity = descriptors == 0 ? Int.max : max(descriptors - Self.reservedDescriptors, 1)
        self.logger.info("descriptors", metadata: ["limit": "\(descriptors)", "connections": "\(capacity)"])
        let application = Application(
            router: self.router,
            server: .http1WebSocket(
                connections: connections, tls: self.tls, requestEndpoint: self.requestEndpoint,
                streamEndpoint: self.streamEndpoint, endpoint: self.endpoint),
            configuration: .init(
                address: .hostname(listen.host, port: listen.port),
                backlog: 4096,
                availableConnectionsDelegate: MaximumAvailableConnections(capacity, logger: self.logger)
            ),
            onServerRunning: { channel in
                isListening.store(true, ordering: .relaxed)
                await onListening(ListenAddress(host: listen.host, port: channel.localAddress?.port ?? listen.port))
            },
            eventLoopGroupProvider: .shared(self.group),
            logger: self.logger
        )
        do {
            try await application.run()
        } catch  where !isListening.load(ordering: .relaxed) && !(error is CancellationError) {
            throw ServerError(.bind, reason: "cannot listen on \(listen)", cause: error)
        }
        await connections.allClosed()
    }
}
