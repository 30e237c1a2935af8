public import Logging
import MartletConfiguration
import MartletService
package import MartletWebSocket
import NIOCore
public import ServiceLifecycle
import Synchronization

/// The proxy with what a daemon has around it: an admin listener, and a configuration that is read again on SIGHUP or when
/// its file changes.
public struct ProxyService: Service, CustomStringConvertible {
    /// The name of the service in logs; its configuration, which may have secrets, is not shown.
    public var description: String { "ProxyService" }

    private let server: ProxyServer
    private let configuration: ProxyConfiguration
    private let file: String?
    private let stamp: FileStamp?
    private let readAgain: @Sendable () async throws -> ProxyConfiguration
    private let logger: Logger
    private let onListening: @Sendable ([ProxyAddress], ProxyAddress?) async -> Void

    /// - Parameters:
    ///   - file: where the configuration came from; it is looked at for changes.
    ///   - readAgain: makes the configuration anew, with what the command line says.
    ///   - onListening: told the addresses of the listeners and of the admin listener, their ports known.
    /// - Throws: `ProxyError`.
    public init(
        configuration: ProxyConfiguration, file: String?,
        readAgain: @escaping @Sendable () async throws -> ProxyConfiguration, logger: Logger,
        onListening: @escaping @Sendable ([ProxyAddress], ProxyAddress?) async -> Void
    ) throws {
        try self.init(
            configuration: configuration, file: file, stamp: file.flatMap { FileStamp($0) }, readAgain: readAgain,
            logger: logger, onListening: onListening)
    }

    /// - Parameter stamp: the stamp of the file before it was read for the first time.
    package init(
        configuration: ProxyConfiguration, file: String?, stamp: FileStamp?,
        readAgain: @escaping @Sendable () async throws -> ProxyConfiguration, logger: Logger,
        onListening: @escaping @Sendable ([ProxyAddress], ProxyAddress?) async -> Void
    ) throws {
        PrometheusMetrics.bootstrap()
        PrometheusMetrics.shared.describe(ProxyMetrics.descriptions)
        self.server = try ProxyServer(configuration: configuration, logger: logger)
        self.configuration = configuration
        self.file = file
        self.stamp = stamp
        self.readAgain = readAgain
        self.logger = logger
        self.onListening = onListening
    }

    public func run() async throws {
        let admin = AdminServer(server: self.server, logger: self.logger)
        let adminAddress = try await self.configuration.admin.asyncMap { try await admin.start($0) }
        let background = [
            Task { await self.announce(adminAddress) },
            Task { await self.reloader.run() },
        ]
        defer { for task in background { task.cancel() } }
        do {
            try await self.server.run()
        } catch {
            await admin.stop()
            throw error
        }
        // It answers to the end, so that whoever watches the proxy sees it drain.
        await admin.stop()
    }

    private func announce(_ admin: ProxyAddress?) async {
        let addresses = await self.server.localAddresses.map {
            ProxyAddress(host: $0.ipAddress ?? "", port: $0.port ?? 0)
        }
        guard !addresses.isEmpty else { return }
        await self.onListening(addresses, admin)
    }

    private var reloader: FileReloader {
        FileReloader(
            files: {
                self.file.map { file in
                    [ReloadedFile(file, stamp: self.stamp) { try await self.server.reload(try await self.readAgain()) }]
                } ?? []
            },
            logger: self.logger
        ) {
            self.server.reopenLogs()
            self.server.reloadCertificates()
        }
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<Value>(_ transform: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
