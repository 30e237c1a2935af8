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
        let server = WebSocketServer(configuration: .init(port: 0, webSocket: configuration), logger: self.quiet)
        routes(server)
        let services = ServiceGroup(services: [server], logger: self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let port = try await server.localAddress.port!
            do {
                try await body("ws://127.0.0.1:\(port)", WebSocketClient(logger: self.quiet))
            } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }
}
