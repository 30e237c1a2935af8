import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

@testable import MartletWebSocket

/// A real server on a port that the kernel chose, and a client.
enum Loopback {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Serves while `body` runs, then drains.
    static func serve(
        configuration: WebSocketConfiguration = .init(),
        _ routes: (WebSocketServer) -> Void,
        _ body: @escaping @Sendable (_ url: String, _ client: WebSocketClient) async throws -> Void
    ) async throws {
        try await self.serve(WebSocketServer.Configuration(port: 0, webSocket: configuration), routes) { addresses in
            try await body("ws://127.0.0.1:\(addresses[0].port!)", WebSocketClient(logger: self.quiet))
        }
    }

    static func serve(
        _ configuration: WebSocketServer.Configuration,
        _ routes: (WebSocketServer) -> Void,
        _ body: @escaping @Sendable (_ addresses: [SocketAddress]) async throws -> Void
    ) async throws {
        let server = WebSocketServer(configuration: configuration, logger: self.quiet)
        routes(server)
        let services = ServiceGroup(services: [server], logger: self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let addresses = try await server.localAddresses
            do {
                try await body(addresses)
            } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }
}
