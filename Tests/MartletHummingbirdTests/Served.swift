import Hummingbird
import HummingbirdCore
import Logging
import MartletHummingbird
import ServiceLifecycle

/// A Hummingbird application on a port that the kernel chose.
enum Served {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Serves while `body` runs, then drains.
    static func run<Context: InitializableFromSource<ApplicationRequestContextSource> & RequestContext>(
        _ router: Router<Context>, _ server: HTTPServerBuilder,
        _ body: @escaping @Sendable (_ port: Int, _ services: ServiceGroup) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, server: server, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) }, logger: self.quiet)
        let services = ServiceGroup(services: [application], logger: self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            var iterator = ports.makeAsyncIterator()
            guard let number = await iterator.next() else { return }
            do {
                try await body(number, services)
            } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }
}
