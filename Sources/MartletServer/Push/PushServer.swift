public import Logging
import MartletHummingbird
public import MartletPush
import MartletWebSocket
public import NIOCore
public import NIOPosix
public import ServiceLifecycle

/// The push service with its HTTP API and its page. A `Service` of swift-service-lifecycle: on graceful shutdown it
/// takes no more connections, finishes requests and closes WebSockets with 1001.
public struct PushServer: Service {
    public let service: PushService
    private let configuration: PushServerConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void

    /// - Parameter onListening: called with the address, its port known, once connections are accepted.
    /// - Throws: ``ServerError`` with the code `configuration`.
    public init(
        configuration: PushServerConfiguration = .init(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.serve"),
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.onListening = onListening
        self.service = PushService(
            group: group, hooks: configuration.hooks, history: configuration.history, logger: logger)
    }

    public func run() async throws {
        let endpoint = self.service.endpoint(origin: self.configuration.effectiveOrigin)
        let webSocketPath = self.configuration.webSocketPath
        let page = Console.page(
            .init(mode: .serve, webSocketPath: webSocketPath, pushPath: self.configuration.pushPath))
        let eventStreams = await EventStreams(
            service: self.service, configuration: self.configuration.eventStreams,
            origin: self.configuration.effectiveOrigin, wantsLoopbackHost: self.configuration.wantsLoopbackHost,
            group: self.group)
        let publisher = Publisher(self.service)
        let node = APINode()
        let push = PushEndpoint(service: self.service, configuration: self.configuration, logger: self.logger)
        let server = HTTPServer(
            listen: self.configuration.listen, group: self.group, logger: self.logger, page: page,
            onListening: self.onListening
        ) { request in
            WebSocketRequest.path(of: request) == webSocketPath ? endpoint : nil
        } requestEndpoint: { head in
            push.endpoint(for: head)
        } streamEndpoint: { request in
            eventStreams.endpoint(for: request)
        } routes: { router in
            let access = APIAccess(service: self.service, configuration: self.configuration)
            PushRoutes(service: self.service, configuration: self.configuration, publisher: publisher, access: access)
                .add(to: router)
            APIRoutes(
                service: self.service, configuration: self.configuration, publisher: publisher, access: access,
                node: node
            ).add(to: router)
            eventStreams.add(to: router)
            ScriptRoute.add(to: router)
        }
        let trimmer = Task { [counters = self.service.counters] in try await MemoryTrimmer.run(counters) }
        let reloader = Task { [files = self.configuration.reloadedFiles, logger = self.logger] in
            await FileReloader(files: files, logger: logger).run()
        }
        defer {
            trimmer.cancel()
            reloader.cancel()
        }
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            eventStreams.stop()
        }
    }
}
