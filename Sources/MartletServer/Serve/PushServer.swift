import Hummingbird
public import Logging
import MartletConfiguration
public import MartletHTTP
public import MartletPush
package import MartletWebSocket
public import NIOCore
import NIOHTTP1
public import NIOPosix
public import ServiceLifecycle

/// The push service with its HTTP API and its page. A `Service` of swift-service-lifecycle: on graceful shutdown it
/// takes no more connections, closes clients in batches with 1012, finishes requests and ends.
public struct PushServer: Service, CustomStringConvertible {
    /// The name of the service in logs; its configuration, which may have secrets, is not shown.
    public var description: String { "PushServer" }

    public let service: PushService
    private let live: LiveConfiguration
    private let demo: Demo?
    private let group: any EventLoopGroup
    private let logger: Logger
    /// Warnings and errors of the log, for the console.
    private let records: RecentLogRecords
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let source: Source?
    private let onAdminListening: @Sendable (ListenAddress) async -> Void

    /// A file that the configuration comes from.
    public struct Source: Sendable {
        let read: @Sendable () async throws -> PushServerConfiguration
        private let file: String
        private let stamp: FileStamp?

        /// Makes a source, before the file is read for the first time.
        ///
        /// - Parameter read: reads the file again.
        public init(file: String, read: @escaping @Sendable () async throws -> PushServerConfiguration) {
            self.init(file: file, stamp: FileStamp(file), read: read)
        }

        /// - Parameter stamp: the stamp of the file before it was read for the first time.
        package init(
            file: String, stamp: FileStamp?, read: @escaping @Sendable () async throws -> PushServerConfiguration
        ) {
            self.file = file
            self.stamp = stamp
            self.read = read
        }

        func reloaded(_ reload: @escaping @Sendable () async throws -> Void) -> ReloadedFile {
            ReloadedFile(self.file, stamp: self.stamp, reload: reload)
        }
    }

    /// - Parameters:
    ///   - broker: another than the one in memory, which takes its history from the configuration. It is this service's
    ///     alone, and runs until the service has gone.
    ///   - source: the configuration is read again when the file changes, and on SIGHUP.
    ///   - onAdminListening: called with the address of the listener for operators after `onListening`, if there is one.
    ///   - onListening: called with the address, its port known, once connections are accepted.
    /// - Throws: ``ServerError`` with the code `configuration`.
    public init(
        configuration: PushServerConfiguration = .init(),
        broker: (any Broker)? = nil,
        source: Source? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "martlet.serve"),
        onAdminListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in },
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) throws {
        try configuration.validate()
        PrometheusMetrics.bootstrap()
        ServiceMetrics.describe()
        let recording = logger.handler as? RecordingLogHandler
        let records = recording?.records ?? RecentLogRecords()
        let recorded = recording == nil ? records.recording(logger) : logger
        self.source = source
        self.group = group
        self.logger = recorded
        self.records = records
        self.onListening = onListening
        self.onAdminListening = onAdminListening
        self.service = PushService(
            group: group, broker: broker ?? MemoryBroker(configuration.history), hooks: configuration.hooks,
            limits: configuration.limits, heartbeat: configuration.eventStreams.heartbeatInterval, logger: recorded)
        self.live = LiveConfiguration(configuration, service: self.service)
        self.live.warn(recorded)
        self.demo = configuration.console.isEnabled ? Demo(beside: configuration, group: group, logger: recorded) : nil
    }

    /// Takes another configuration while the service runs: hooks, API keys, origins, limits, rates, and how it drains. What
    /// else has changed waits for a restart.
    ///
    /// - Throws: ``ServerError`` with the code `configuration`; then everything stays as it was.
    public func reload(_ configuration: PushServerConfiguration) throws {
        // Only what will be in force is checked, at the addresses where the service is, whatever the new configuration says.
        let old = self.live.configuration
        var merged = PushServerConfiguration.table.keepingFixed(of: old, in: configuration)
        merged.tls = old.tls  // whose files are watched by themselves
        merged.settings = SettingValue.keepingFixed(of: old.settings, in: configuration.settings)
        try merged.validate()
        if let refusal = self.live.handedOver.compactMap(merged.refusal).first {
            throw ServerError(.configuration, reason: refusal)
        }
        let tls = { (tls: ServerTLS?) in [tls?.certificateFile, tls?.keyFile] }
        let waiting = PushServerConfiguration.table.fixedDifferences(old, configuration)
        for key in waiting + (tls(old.tls) == tls(configuration.tls) ? [] : ["tls"]) {
            self.logger.warning("this change waits for a restart", metadata: ["key": "\(key)"])
        }
        self.live.replace(merged)
        self.live.warn(self.logger)
        self.demo?.follow(merged)
    }

    public func run() async throws {
        let configuration = self.live.configuration
        let endpoints = await PushEndpoints(
            self.live, demo: self.demo, records: self.records, group: self.group, logger: self.logger)
        let certificates = CertificateWatch(logger: self.logger) { configuration.tls.map { [$0] } ?? [] }
        let background: [Task<Void, Never>] = [
            Task { if self.demo != nil { _ = try? await endpoints.sampler.run() } },
            Task { [counters = self.service.counters] in _ = try? await MemoryTrimmer.run(counters) },
            Task {
                await FileReloader(files: { self.reloadedFiles }, logger: self.logger) { certificates.reload() }.run()
            },
        ]
        defer { for task in background { task.cancel() } }
        let readiness = Readiness()
        let server = HTTPServer(
            self.serverConfiguration(endpoints), group: self.group, logger: self.logger, onListening: self.onListening,
            readiness: readiness, endpoints: configuration.admin == nil ? endpoints.whole : endpoints.ofClients
        ) {
            if configuration.admin == nil { endpoints.addWhole(to: $0) } else { endpoints.addThoseOfClients(to: $0) }
        }
        guard let address = configuration.admin else { return try await server.run() }
        if configuration.tls != nil, !address.isLoopback {
            self.logger.warning(
                "the listener for operators speaks plain HTTP: keys and passwords can be read on the way",
                metadata: ["address": "\(address)"])
        }
        let admin = HTTPServer(
            self.adminConfiguration(at: address), group: self.group, logger: self.logger, onListening: { _ in },
            readiness: readiness, endpoints: endpoints.ofOperators
        ) { router in
            router.middlewares.add(HostMiddleware(live: self.live))
            endpoints.addWhole(to: router)
        }
        let running = try await admin.start()
        do {
            try await server.run { await self.onAdminListening(running.address) }
        } catch {
            await running.stop()
            throw error
        }
        // Back ends push until the last client has gone.
        await running.stop()
    }

    /// The listener for everybody, or the only one.
    private func serverConfiguration(_ endpoints: PushEndpoints) -> HTTPServerConfiguration {
        let configuration = self.live.configuration
        var http = HTTPServerConfiguration(listen: configuration.addresses, limiter: self.live.connections)
        http.tls = configuration.tls
        http.trustedProxies = configuration.trustedProxies
        http.isPortShared = configuration.isPortShared
        http.limits.answerTimeout = configuration.answerTimeout
        http.refusal = { [live = self.live] address in
            live.wasHandedOver(address)
            return configuration.refusal(of: address)
        }
        http.isForOperators = configuration.admin == nil
        http.drain = { [live = self.live] in
            let configuration = live.configuration
            live.service.ends(within: configuration.drainDelay + configuration.drainTime)
            return .init(
                delay: configuration.drainDelay, time: configuration.drainTime, retry: configuration.eventStreams.retry,
                // Those of the listener for operators have been admitted there, too, and end later.
                clients: { live.connections.clientCount - live.operatorConnections.carriedClients },
                alongside: endpoints.finishPolls)
        }
        return http
    }

    /// The listener of its own for operators. What it serves ends when everything else has.
    private func adminConfiguration(at address: ListenAddress) -> HTTPServerConfiguration {
        let configuration = self.live.configuration
        var http = HTTPServerConfiguration(listen: [address], limiter: self.live.operatorConnections)
        http.trustedProxies = configuration.trustedProxies
        http.isPortShared = configuration.isPortShared
        http.limits.answerTimeout = configuration.answerTimeout
        http.inheritsSockets = false
        http.drain = { [limiter = self.live.operatorConnections] in
            .init(retry: configuration.eventStreams.retry, clients: { limiter.carriedClients })
        }
        return http
    }

    /// The configuration comes first, so that what it names is read after it.
    private var reloadedFiles: [ReloadedFile] {
        let own = self.source.map { source in
            source.reloaded { try self.reload(try await source.read()) }
        }
        return (own.map { [$0] } ?? []) + self.live.configuration.reloadedFiles
    }
}
