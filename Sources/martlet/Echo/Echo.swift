import ArgumentParser
import Logging
import MartletServer
import MartletWebSocket
import NIOCore

struct Echo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a WebSocket server that sends every message back.")

    @Option(help: "Address and port to listen on.")
    var listen = ListenAddress(host: "127.0.0.1", port: 8080)

    @Option(help: "Where the endpoint is; several times for several. By default /ws and /echo.")
    var path: [String] = []

    @Option(
        help:
            "An origin whose pages may connect; several times for several, * for any. Pages of the same host always may."
    )
    var origin: [String] = []

    @Option(help: "Send the text \"heart beat\" this often: 1s, 250ms.", transform: TimeAmount.parse)
    var heartbeat: TimeAmount?

    @Option(help: "The longest message, in bytes.")
    var maxMessageSize = 1 << 20

    @Option(help: "Frames that a message may be split into.")
    var maxFragments = 1024

    @Flag(help: "Compress messages (permessage-deflate) when the client can.")
    var compress = false

    @Flag(help: "With --compress: messages may refer to earlier ones. Smaller, and 300 KiB a connection.")
    var contextTakeover = false

    @Option(help: "Serve TLS with this certificate chain (PEM file); --tls-key goes with it.", completion: .file())
    var tlsCert: String?

    @Option(help: "The certificate's key (PEM file).", completion: .file())
    var tlsKey: String?

    @Flag(help: "Print every message with its type.")
    var verbose = false

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    func validate() throws {
        _ = try OriginPolicy.parse(self.origin)
        for path in self.path where !path.hasPrefix("/") {
            throw ValidationError("a path begins with /: \(path)")
        }
        guard self.maxMessageSize > 0, self.maxFragments > 0 else {
            throw ValidationError("--max-message-size and --max-fragments must be above 0")
        }
        guard (self.tlsCert == nil) == (self.tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        guard self.compress || !self.contextTakeover else {
            throw ValidationError("--context-takeover goes with --compress")
        }
    }

    func run() async throws {
        var configuration = EchoServer.Configuration()
        configuration.listen = self.listen
        if !self.path.isEmpty { configuration.paths = self.path }
        configuration.origin = try .parse(self.origin)
        configuration.heartbeat = self.heartbeat
        configuration.maximumMessageSize = self.maxMessageSize
        configuration.maximumFragmentCount = self.maxFragments
        if self.compress {
            var compression = CompressionConfiguration()
            compression.allowsContextTakeover = self.contextTakeover
            configuration.compression = compression
        }
        if let certificate = self.tlsCert, let key = self.tlsKey {
            configuration.tls = try await ServiceRunner.orExit {
                do { return try ServerTLS(certificateFile: certificate, keyFile: key) } catch {
                    throw ServerError(.file, reason: "cannot serve TLS", cause: error)
                }
            }
        }
        if self.verbose {
            configuration.onMessage = { ServiceRunner.say(Printable.describe($0)) }
        }
        let path = configuration.paths[0]
        let isSecure = configuration.tls != nil
        let logger = ServiceRunner.makeLogger("martlet.echo", level: self.logLevel)
        let server = EchoServer(configuration: configuration, logger: logger) { address in
            let s = isSecure ? "s" : ""
            ServiceRunner.say(
                "Martlet echoes at ws\(s)://\(address)\(path). Point a browser to http\(s)://\(address)/ to try it.")
        }
        try await ServiceRunner.run(server, logger: logger)
    }
}
