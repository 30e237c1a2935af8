import ArgumentParser
import Foundation
import Logging
import MartletProxy
import MartletServer

struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Say what is wrong with a configuration file.",
        discussion: """
            For files of martlet serve and of martlet proxy; which of the two it is shows in its keys. Files that it names
            are opened; nothing is fetched, and nothing listens. The environment counts as it does for martlet serve.

            Exit codes: 0 nothing is wrong, 64 usage, 66 a file cannot be read, 78 something is wrong, with a line for each
            mistake on standard error.
            """
    )

    enum Kind: String, ExpressibleByArgument, CaseIterable { case serve, proxy }

    @Argument(help: "The file, YAML or JSON.")
    var file: String

    @Option(name: .customLong("for"), help: "Which command it is for. Default: what its keys say.")
    var kind: Kind?

    func run() async throws {
        let logger = ServiceRunner.makeLogger("martlet.check-config", level: .warning)
        // Each line begins with the file, so that editors find it.
        try await ServiceRunner.orExit(prefix: "") {
            let isProxy = try self.kind.map { $0 == .proxy } ?? ProxyService.isConfiguration(self.file)
            if isProxy {
                let configuration = try await ProxyService.read(self.file, logger: logger)
                ServiceRunner.say(
                    "\(self.file): for martlet proxy, \(configuration.routes.count) routes, nothing wrong")
            } else {
                _ = try await ServeSettings(file: self.file).makeConfiguration(fetches: false, logger: logger)
                ServiceRunner.say("\(self.file): for martlet serve, nothing wrong")
            }
        }
    }
}
