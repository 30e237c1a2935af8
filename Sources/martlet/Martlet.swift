import ArgumentParser
import MartletServer

@main
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Real-time messaging: a push service, a reverse proxy and WebSocket tools.",
        version: Version.current,
        subcommands: [Serve.self, CheckConfig.self, Push.self, Proxy.self, Echo.self, Connect.self]
    )
}
