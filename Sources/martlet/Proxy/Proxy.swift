public import ArgumentParser
import Logging
public import MartletProxy
import MartletServer
import NIOCore

struct Proxy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a reverse proxy for HTTP and WebSocket.",
        discussion: """
            For one server, two options are enough; several listeners, routes and upstreams, limits, health checks and TLS
            are in a configuration file (docs/proxy.md), which is read again on SIGHUP and when it changes, without cutting
            a connection.

            Exit codes: 0 after a graceful shutdown, 64 usage, 66 a file cannot be read, 69 the address cannot be had,
            71 the system refuses something, 78 the configuration does not make sense.
            """
    )

    @Option(help: "Address and port to listen on. Default: 127.0.0.1:8082.")
    var listen: ListenAddress?

    @Option(help: "Where requests go: http://127.0.0.1:8002")
    var to: UpstreamURL?

    @Option(help: "A configuration file, YAML or JSON, in place of --listen and --to.")
    var config: String?

    @Option(help: "Address and port of /healthz, /metrics and /upstreams. Default: none.")
    var admin: ListenAddress?

    @Option(help: "A file for the access log, - for standard output. Default: none.")
    var accessLog: String?

    @Option(help: "json or combined.")
    var accessLogFormat: AccessLogConfiguration.Format?

    @Option(help: "After SIGTERM, WebSockets are closed over this time: 30s, 2m. Default: 30s.")
    var drainTimeout: String?

    @Flag(help: "Read the configuration file, say what is wrong with it, and end.")
    var check = false

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    func validate() throws {
        if self.config != nil {
            guard self.to == nil, self.listen == nil else {
                throw ValidationError("--config takes the place of --listen and --to")
            }
        } else if self.to == nil {
            throw ValidationError("--to URL says where requests go; or use --config FILE")
        } else if self.check {
            throw ValidationError("--check needs --config FILE")
        }
        if let time = self.drainTimeout, time != "0", time != "0s" { _ = try TimeAmount.parse(time) }
    }

    func run() async throws {
        let logger = ServiceRunner.makeLogger("martlet.proxy", level: self.logLevel)
        let configuration = try await ServiceRunner.orExit { try await self.makeConfiguration(logger) }
        if self.check {
            ServiceRunner.say("\(self.config ?? ""): \(configuration.routes.count) routes, nothing wrong")
            return
        }
        let service = try await ServiceRunner.orExit {
            try ProxyService(
                configuration: configuration, file: self.config,
                readAgain: { try await self.makeConfiguration(logger) },
                logger: logger
            ) { addresses, admin in
                self.announce(addresses, admin)
            }
        }
        // Longer than any drain: the proxy itself sees to its end.
        let limit = Duration.nanoseconds(configuration.drainTimeout.nanoseconds) + .seconds(60)
        try await ServiceRunner.run(service, atMost: limit, logger: logger)
    }

    private func makeConfiguration(_ logger: Logger) async throws -> ProxyConfiguration {
        var configuration: ProxyConfiguration
        if let file = self.config {
            configuration = try await ProxyService.read(file, logger: logger)
        } else if let to = self.to {
            configuration = .forwarding(self.listen ?? ListenAddress(host: "127.0.0.1", port: 8082), to: to)
        } else {
            throw ValidationError("--to or --config is needed")
        }
        if let admin = self.admin { configuration.admin = admin }
        if let file = self.accessLog { configuration.accessLog = AccessLogConfiguration(file: file) }
        if let format = self.accessLogFormat { configuration.accessLog?.format = format }
        if let time = self.drainTimeout {
            configuration.drainTimeout = time == "0" || time == "0s" ? .zero : try TimeAmount.parse(time)
        }
        return configuration
    }

    private func announce(_ addresses: [ListenAddress], _ admin: ListenAddress?) {
        let listening = addresses.map { "\($0)" }.joined(separator: ", ")
        var text = "Martlet proxies \(listening)"
        if let to = self.to { text += " to \(to)" }
        if let admin { text += "; metrics at http://\(admin)/metrics" }
        ServiceRunner.say(text)
    }
}

extension UpstreamURL: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension AccessLogConfiguration.Format: ExpressibleByArgument {
    public init?(argument: String) {
        switch argument {
        case "json": self = .json
        case "combined": self = .combined
        default: return nil
        }
    }
}
