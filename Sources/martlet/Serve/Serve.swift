import ArgumentParser
import Foundation
import Logging
import MartletServer
import MartletWebSocket

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the push service.",
        discussion: """
            Browsers connect to the WebSocket path and send {"token":"…","event":"…"}; the back end posts \
            {"userId":"…","event":"…","message":"…"} to the push path; every page of that user shows it.

            Without token and key settings everybody on this machine may do everything, so it listens on loopback only.

            Every option is also a key of the configuration file, and a variable of the environment: \
            --limits-push-rate is pushRate below limits, and MARTLET_LIMITS_PUSH_RATE. Options take precedence over the \
            environment, and the environment over the file. docs/operations.md lists them all. Three secrets are variables \
            only: MARTLET_API_KEY, MARTLET_JWT_SECRET, and MARTLET_AUTH_SECRET, which is shown at --auth-url.

            Exit codes: 0 after a graceful shutdown, 64 usage, 66 a file cannot be read, 69 the address is not \
            available, 78 the settings do not fit together.
            """
    )

    @Option(help: "A configuration file, YAML or JSON; it is read again when it changes, and on SIGHUP.")
    var config: String?

    @OptionGroup(title: "Listening")
    var listening: SettingOptions<ServeGroups.Listening>

    @OptionGroup(title: "Access")
    var access: SettingOptions<ServeGroups.Access>

    @OptionGroup(title: "Limits")
    var limits: SettingOptions<ServeGroups.Limits>

    @OptionGroup(title: "Behavior")
    var behavior: SettingOptions<ServeGroups.Behavior>

    func validate() throws { try SettingsCheck.usage { try self.settings() } }

    private func settings() throws -> ServeSettings {
        let flags = [self.listening.flags, self.access.flags, self.limits.flags, self.behavior.flags]
            .reduce(into: [:]) { $0.merge($1) { $1 } }
        return try ServeSettings(
            file: self.config, flags: flags, environment: ProcessInfo.processInfo.environment,
            others: OtherCommands.variables(besides: ServeSettings.command))
    }

    func run() async throws {
        EventLoopCount.fitToProcessors()
        // Before the file is read, so that no change to it is missed.
        let stamp = self.config.flatMap { FileStamp($0) }
        let settings = try await ServiceRunner.orExit { try self.settings() }
        let logger = RecentLogRecords().recording(settings.log.makeLogger("martlet.serve"))
        let output = ServiceOutput(settings.log, label: "martlet.serve")
        let source = self.config.map { file in
            PushServer.Source(file: file, stamp: stamp) {
                let changed = try self.settings()
                SettingsCheck.tell(changed.warnings, logger)
                let configuration = try await changed.makeConfiguration(logger: logger)
                // The service tells which other changes wait for a restart.
                SettingsCheck.tellWaiting(
                    changed.fixedDifferences(from: settings).filter { $0.hasPrefix("log.") }, logger)
                return configuration
            }
        }
        SettingsCheck.tell(settings.warnings, logger)
        let configuration = try await ServiceRunner.orExit { try await settings.makeConfiguration(logger: logger) }
        let greeting = ServeGreeting(configuration: configuration, output: output)
        let server = try await ServiceRunner.orExit {
            try PushServer(
                configuration: configuration, source: source, logger: logger,
                onAdminListening: { greeting.listensForOperators(at: $0) },
                onListening: { greeting.listens(at: $0) })
        }
        // The service itself sees to its end, in the time that the configuration then says.
        try await ServiceRunner.run(server, atMost: .seconds(86_400), logger: logger)
    }
}
