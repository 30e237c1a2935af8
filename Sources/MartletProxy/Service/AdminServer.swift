import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import MartletService
import NIOCore
import Synchronization

/// `/healthz`, `/metrics` and `/upstreams` of a proxy, on a listener of their own: they are nobody's business but the
/// operator's.
final class AdminServer: Sendable {
    private let server: ProxyServer
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(server: ProxyServer, logger: Logger) {
        self.server = server
        self.logger = logger
    }

    /// Serves until ``stop()``, past the beginning of a graceful shutdown.
    ///
    /// - Returns: the address with its port.
    /// - Throws: `ProxyError` with the code `bind`.
    func start(_ address: ProxyAddress) async throws -> ProxyAddress {
        let (results, continuation) = AsyncStream.makeStream(of: Result<ProxyAddress, any Error>.self)
        let application = Application(
            router: self.makeRouter(),
            configuration: .init(address: .hostname(address.host, port: address.port)),
            onServerRunning: { channel in
                continuation.yield(
                    .success(ProxyAddress(host: address.host, port: channel.localAddress?.port ?? address.port)))
            },
            logger: Logger(label: self.logger.label) { _ in SwiftLogNoOpLogHandler() })
        let task = Task.detached {
            do {
                try await application.run()
            } catch {
                continuation.yield(.failure(error))
            }
            continuation.finish()
        }
        self.task.withLock { $0 = task }
        for await result in results {
            do {
                return try result.get()
            } catch {
                throw ProxyError(.bind, reason: "cannot listen on \(address) (admin)", cause: error)
            }
        }
        throw ProxyError(.bind, reason: "cannot listen on \(address) (admin)")
    }

    func stop() async {
        let task = self.task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private func makeRouter() -> Router<ServiceRequestContext> {
        let router = Router(context: ServiceRequestContext.self)
        router.get("/healthz") { _, _ in
            self.server.isDraining
                ? Response.text("draining\n", status: .serviceUnavailable) : Response.text("ok\n", status: .ok)
        }
        router.get("/metrics") { _, _ in
            self.server.recordGauges()
            let text =
                ProcessMetrics.text() + CertificateMetrics.text(self.server.certificates)
                + PrometheusMetrics.shared.text()
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: text)))
        }
        router.get("/upstreams") { _, _ in
            let data = (try? JSONEncoder().encode(self.server.endpoints)) ?? Data("[]".utf8)
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: Array(data))))
        }
        return router
    }
}
