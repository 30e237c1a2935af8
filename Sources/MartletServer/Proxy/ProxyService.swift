public import Logging
public import MartletProxy
import NIOCore
public import ServiceLifecycle
import UnixSignals

/// The proxy with what a daemon has around it: an admin listener, and a configuration that is read again on SIGHUP or when
/// its file changes.
public struct ProxyService: Service {
    /// How often the file is looked at.
    private static let checkInterval = Duration.seconds(1)

    private let server: ProxyServer
    private let configuration: ProxyConfiguration
    private let file: String?
    private let readAgain: @Sendable () throws -> ProxyConfiguration
    private let logger: Logger
    private let onListening: @Sendable ([ProxyAddress], ProxyAddress?) async -> Void

    /// - Parameters:
    ///   - file: where the configuration came from; it is looked at for changes.
    ///   - readAgain: makes the configuration anew, with what the command line says.
    ///   - onListening: told the addresses of the listeners and of the admin listener, their ports known.
    /// - Throws: `ProxyError`.
    public init(
        configuration: ProxyConfiguration, file: String?,
        readAgain: @escaping @Sendable () throws -> ProxyConfiguration, logger: Logger,
        onListening: @escaping @Sendable ([ProxyAddress], ProxyAddress?) async -> Void
    ) throws {
        PrometheusMetrics.bootstrap()
        self.server = try ProxyServer(configuration: configuration, logger: logger)
        self.configuration = configuration
        self.file = file
        self.readAgain = readAgain
        self.logger = logger
        self.onListening = onListening
    }

    /// Reads a configuration file, with the check of tokens that `martlet serve` has.
    public static func read(_ file: String) throws -> ProxyConfiguration {
        try ProxyConfiguration(contentsOf: file) { settings in
            guard let secret = try Secret.read(file: settings.secretFile, environment: "") else {
                throw ServerError(.configuration, reason: "jwt: the secret is missing")
            }
            guard secret.utf8.count >= SharedSecretJWT.minimumSecretLength else {
                throw ServerError(
                    .configuration,
                    reason: "\(settings.secretFile): the JWT secret must have at least"
                        + " \(SharedSecretJWT.minimumSecretLength) bytes (RFC 7518, section 3.2)")
            }
            let verifier = Task { try await SharedSecretJWT(secret: secret) }
            return .init(userHeader: settings.userHeader) { token in try? await verifier.value.user(of: token) }
        }
    }

    public func run() async throws {
        let admin = AdminServer(server: self.server, logger: self.logger)
        let adminAddress = try await self.configuration.admin.asyncMap { try await admin.start($0) }
        let background = [
            Task { await self.announce(adminAddress) },
            Task { await self.reloadOnSignal() },
            Task { await self.reloadOnChange() },
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

    private func reloadOnSignal() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) {
            self.server.reopenLogs()
            await self.reload()
        }
    }

    private func reloadOnChange() async {
        guard let file = self.file else { return }
        var stamp = FileStamp(file)
        while (try? await Task.sleep(for: Self.checkInterval)) != nil {
            let next = FileStamp(file)
            guard next != stamp, next != nil else { continue }
            stamp = next
            await self.reload()
        }
    }

    private func reload() async {
        guard self.file != nil else { return }
        do {
            try await self.server.reload(try self.readAgain())
        } catch {
            self.logger.error("kept the old configuration", metadata: ["error": "\(error)"])
        }
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<Value>(_ transform: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
