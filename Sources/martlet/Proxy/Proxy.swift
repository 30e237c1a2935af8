import ArgumentParser
import Foundation
import Logging
import MartletProxy
import MartletServer
import MartletWebSocket
import NIOCore

struct Proxy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a reverse proxy for HTTP and WebSocket.",
        discussion: """
            For one server, --listen and --to are enough; several listeners, routes and upstreams, health checks and TLS \
            are in a configuration file (docs/proxy.md), which is read again on SIGHUP and when it changes, without cutting \
            a connection.

            Every option is also a key of the configuration file, and a variable of the environment: --drain-time is time \
            below drain, and MARTLET_DRAIN_TIME. Options take precedence over the environment, and the environment over the \
            file.

            Exit codes: 0 after a graceful shutdown, 64 usage, 66 a file cannot be read, 69 the address is not \
            available, 71 the system refuses something, 78 the settings do not fit together.
            """
    )

    @Option(help: "A configuration file, YAML or JSON.")
    var config: String?

    @OptionGroup
    var options: SettingOptions<ProxyGroup>

    @Flag(help: "Read the configuration file, tell what is wrong with it, and end.")
    var check = false

    func validate() throws { try SettingsCheck.usage { try self.settings() } }

    private func settings() throws -> ProxySettings {
        try ProxySettings(
            file: self.config, flags: self.options.flags, environment: ProcessInfo.processInfo.environment,
            others: OtherCommands.variables(besides: ProxySettings.command))
    }

    func run() async throws {
        // Before the file is read, so that no change to it is missed.
        let stamp = self.config.flatMap { FileStamp($0) }
        let settings = try await ServiceRunner.orExit { try self.settings() }
        let logger = settings.log.makeLogger("martlet.proxy")
        let output = ServiceOutput(settings.log, label: "martlet.proxy")
        SettingsCheck.tell(settings.warnings, logger)
        let configuration = try await ServiceRunner.orExit {
            try await settings.makeConfiguration(fetches: !self.check, logger: logger)
        }
        if self.check {
            ServiceRunner.say("\(self.config ?? "settings"): \(configuration.routes.count) routes, nothing wrong")
            return
        }
        let service = try await ServiceRunner.orExit {
            try ProxyService(
                configuration: configuration, file: self.config, stamp: stamp,
                readAgain: {
                    let changed = try self.settings()
                    SettingsCheck.tell(changed.warnings, logger)
                    let configuration = try await changed.makeConfiguration(logger: logger)
                    // The proxy tells which other changes wait for a restart.
                    SettingsCheck.tellWaiting(
                        changed.fixedDifferences(from: settings).filter { $0.hasPrefix("log.") }, logger)
                    return configuration
                },
                logger: logger
            ) { addresses, admin in
                self.announce(addresses, admin, settings.to, output)
            }
        }
        // The proxy itself sees to its end, in the time that the configuration then says.
        try await ServiceRunner.run(service, atMost: .seconds(86_400), logger: logger)
    }

    private func announce(
        _ addresses: [ListenAddress], _ admin: ListenAddress?, _ to: UpstreamURL?, _ output: ServiceOutput
    ) {
        let listening = addresses.map { "\($0)" }.joined(separator: ", ")
        var text = "Martlet proxies \(listening)"
        var metadata: Logger.Metadata = ["listeners": .array(addresses.map { "\($0)" })]
        if let to {
            text += " to \(to)"
            metadata["to"] = "\(to)"
        }
        if let admin {
            text += "; metrics at http://\(admin)/metrics"
            metadata["metrics"] = "http://\(admin)/metrics"
        }
        output.say(text, "Martlet proxies", metadata)
    }
}
