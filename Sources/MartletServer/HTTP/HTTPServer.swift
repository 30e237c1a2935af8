import HTTPTypes
import Hummingbird
import Logging
import MartletHummingbird
import MartletWebSocket
import NIOCore

/// An HTTP server with a page at `/`, WebSocket endpoints by path, and further routes.
struct HTTPServer {
    private let listen: ListenAddress
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let endpoint: @Sendable (HTTPRequest) -> WebSocketEndpoint?
    private let router: Router<RequestContext>

    init(
        listen: ListenAddress,
        group: any EventLoopGroup,
        logger: Logger,
        page: ByteBuffer,
        onListening: @escaping @Sendable (ListenAddress) async -> Void,
        endpoint: @escaping @Sendable (HTTPRequest) -> WebSocketEndpoint?,
        routes: (Router<RequestContext>) -> Void
    ) {
        self.listen = listen
        self.group = group
        self.logger = logger
        self.onListening = onListening
        self.endpoint = endpoint
        self.router = Router(context: RequestContext.self)
        routes(self.router)
        self.router.get("/") { _, _ in Console.response(page) }
        self.router.get("/healthz") { _, _ in "ok\n" }
    }

    func run() async throws {
        let listen = self.listen
        let onListening = self.onListening
        let endpoint = self.endpoint
        let application = Application(
            router: self.router,
            server: .http1WebSocket(endpoint: endpoint),
            configuration: .init(address: .hostname(listen.host, port: listen.port), backlog: 4096),
            onServerRunning: { channel in
                await onListening(ListenAddress(host: listen.host, port: channel.localAddress?.port ?? listen.port))
            },
            eventLoopGroupProvider: .shared(self.group),
            logger: self.logger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw ServerError(.bind, reason: "cannot listen on \(listen)", cause: error)
        }
    }
}
