import ArgumentParser
import Foundation
import Logging
import MartletPush
import MartletServer
import MartletWebSocket
import NIOCore

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the push service.",
        discussion: """
            Browsers connect to the WebSocket path and send {"token":"…","event":"…"}; the back end posts
            {"userId":"…","event":"…","message":"…"} to the push path; every page of that user shows it.

            Without token and key settings everybody on this machine may do everything, so it listens on loopback only.

            Exit codes: 0 after a graceful shutdown, 64 usage, 66 a file cannot be read, 69 the address cannot be had,
            78 the settings do not fit together.
            """
    )

    @Option(help: "Address and port to listen on.")
    var listen = ListenAddress(host: "127.0.0.1", port: 8080)

    @Option(help: "Where browsers connect.")
    var wsPath = "/ws"

    @Option(help: "Where the back end posts messages.")
    var pushPath = "/push"

    @Option(
        help:
            "An origin whose pages may connect, such as https://example.com; several times for several, * for any. Pages of the same host always may."
    )
    var origin: [String] = []

    @Option(
        help:
            "A file of API keys for pushes: a key and its name on each line. The environment variable MARTLET_API_KEY holds one alone."
    )
    var apiKeyFile: String?

    @OptionGroup(title: "Who clients are")
    var access: AccessOptions

    @Option(help: "Messages of each user and event that are kept for clients that come back; 0 for none.")
    var historySize = 100

    @Option(help: "How long each is kept: 60s, 5m.", transform: TimeAmount.parse)
    var historyAge = TimeAmount.seconds(60)

    @Option(
        help:
            "How long clients of server-sent events wait before they come back: a random time up to this, and no less than a third.",
        transform: TimeAmount.parse)
    var retry = TimeAmount.seconds(3)

    @Flag(name: .customLong("open"), help: "Serve other machines although tokens or pushes are not checked.")
    var isOpen = false

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    func validate() throws {
        _ = try OriginPolicy.parse(self.origin)
        guard self.historySize >= 0 else { throw ValidationError("--history-size must not be negative") }
    }

    func run() async throws {
        let logger = ServiceRunner.makeLogger("martlet.serve", level: self.logLevel)
        let server = try await ServiceRunner.orExit {
            try PushServer(configuration: try await self.makeConfiguration(logger), logger: logger) { address in
                self.announce(address)
            }
        }
        try await ServiceRunner.run(server, logger: logger)
    }

    private func makeConfiguration(_ logger: Logger) async throws -> PushServerConfiguration {
        var configuration = PushServerConfiguration()
        configuration.listen = self.listen
        configuration.webSocketPath = self.wsPath
        configuration.pushPath = self.pushPath
        configuration.isOpenBeyondLoopback = self.isOpen
        configuration.origin = try .parse(self.origin)
        configuration.history.size = self.historySize
        configuration.history.age = self.historyAge
        let longest = Int(self.retry.nanoseconds / 1_000_000)
        configuration.eventStreams.retry = longest / 3...longest
        if let file = self.apiKeyFile {
            let keys = try APIKeys(contentsOf: file)
            configuration.apiKeys = keys
            configuration.reloadedFiles.append(ReloadedFile(file) { try keys.reload(contentsOf: file) })
        } else if let key = try Secret.read(file: nil, environment: "MARTLET_API_KEY") {
            configuration.apiKeys = APIKeys([APIKey(key)])
        }
        if let authenticator = try await self.access.authenticator(logger: logger) {
            configuration.hooks.authenticate = authenticator.authenticate
            configuration.reloadedFiles += authenticator.files
        }
        configuration.hooks.anonymousUser = self.access.anonymousUser
        return configuration
    }

    private func announce(_ address: ListenAddress) {
        let host = address.host == "0.0.0.0" || address.host == "::" ? "localhost" : address.host
        let url = "http://\(ListenAddress(host: host, port: address.port))"
        let hasKey = self.apiKeyFile != nil || ProcessInfo.processInfo.environment["MARTLET_API_KEY"] != nil
        ServiceRunner.say(
            """
            Martlet is listening. Point a browser to \(url)/ and register there, then try:

              curl \(hasKey ? "-H \"X-API-Key: $MARTLET_API_KEY\" " : "")\(url)\(self.pushPath) -d '{"userId":"jack","event":"alerts","message":"Hello, Jack"}'

            """)
    }
}
