import ArgumentParser
import Foundation
import Logging
import MartletServer
import MartletWebSocket

struct Echo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a WebSocket server that sends every message back.",
        discussion: """
            Every option is also a key of the configuration file, and a variable of the environment: \
            --limits-message-size is messageSize below limits, and MARTLET_LIMITS_MESSAGE_SIZE.

            Exit codes: 0 after a graceful shutdown, 64 usage, 66 a file cannot be read, 69 the address is not \
            available, 78 the settings do not fit together.
            """
    )

    @Option(help: "A configuration file, YAML or JSON.")
    var config: String?

    @OptionGroup
    var options: SettingOptions<EchoGroup>

    func validate() throws { try SettingsCheck.usage { try self.settings() } }

    private func settings() throws -> EchoSettings {
        try EchoSettings(
            file: self.config, flags: self.options.flags, environment: ProcessInfo.processInfo.environment,
            others: OtherCommands.variables(besides: EchoSettings.command))
    }

    func run() async throws {
        let settings = try await ServiceRunner.orExit { try self.settings() }
        let logger = settings.log.makeLogger("martlet.echo")
        let output = ServiceOutput(settings.log, label: "martlet.echo")
        SettingsCheck.tell(settings.warnings, logger)
        var configuration = try await ServiceRunner.orExit { try await settings.makeConfiguration() }
        if settings.isVerbose {
            configuration.onMessage = {
                let message = Printable.describe($0)
                output.say(message, "received", ["received": "\(message)"])
            }
        }
        let path = configuration.paths[0]
        let isSecure = configuration.tls != nil
        let server = EchoServer(configuration: configuration, logger: logger) { address in
            let s = isSecure ? "s" : ""
            let url = "ws\(s)://\(address)\(path)"
            let page = "http\(s)://\(address)/"
            output.say(
                "Martlet echoes at \(url). Point a browser to \(page) to try it.", "Martlet echoes",
                ["url": "\(url)", "page": "\(page)"])
        }
        try await ServiceRunner.run(server, logger: logger)
    }
}
