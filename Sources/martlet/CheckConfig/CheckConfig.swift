import ArgumentParser
import Foundation
import Logging
import MartletProxy
import MartletServer

struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Tell what is wrong with a configuration file.",
        discussion: """
            For files of martlet serve, proxy and echo; which of the first two it is shows in its keys. Files that it names \
            are opened; nothing is fetched, and nothing listens. The environment applies as it does to the command itself.

            Exit codes: 0 nothing is wrong, 64 usage, 66 a file cannot be read, 78 something is wrong, with a line for each \
            mistake on standard error. Old names of keys are told there too, and are no mistakes.
            """
    )

    enum Kind: String, ExpressibleByArgument, CaseIterable { case serve, proxy, echo }

    @Argument(help: "The file, YAML or JSON.")
    var file: String

    @Option(name: .customLong("for"), help: "Which command it is for. Default: serve or proxy, as its keys say.")
    var kind: Kind?

    func run() async throws {
        let logger = ServiceRunner.makeLogger("martlet.check-config", level: .warning)
        let environment = ProcessInfo.processInfo.environment
        // Each line begins with the file, so that editors find it.
        try await ServiceRunner.orExit(prefix: "") {
            switch try self.kind ?? (ProxySettings.isConfiguration(self.file) ? .proxy : .serve) {
            case .serve:
                let settings = try ServeSettings(
                    file: self.file, flags: [:], environment: environment,
                    others: OtherCommands.variables(besides: ServeSettings.command))
                self.warn(settings.warnings)
                _ = try await settings.makeConfiguration(fetches: false, logger: logger)
                ServiceRunner.say("\(self.file): for martlet serve, nothing wrong")
            case .proxy:
                let settings = try ProxySettings(
                    file: self.file, flags: [:], environment: environment,
                    others: OtherCommands.variables(besides: ProxySettings.command))
                self.warn(settings.warnings)
                let configuration = try await settings.makeConfiguration(fetches: false, logger: logger)
                ServiceRunner.say(
                    "\(self.file): for martlet proxy, \(configuration.routes.count) routes, nothing wrong")
            case .echo:
                let settings = try EchoSettings(
                    file: self.file, flags: [:], environment: environment,
                    others: OtherCommands.variables(besides: EchoSettings.command))
                self.warn(settings.warnings)
                _ = try await settings.makeConfiguration()
                ServiceRunner.say("\(self.file): for martlet echo, nothing wrong")
            }
        }
    }

    private func warn(_ warnings: [String]) {
        for warning in warnings { ServiceRunner.complain(warning) }
    }
}
