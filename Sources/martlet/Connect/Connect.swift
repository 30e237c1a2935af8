import ArgumentParser
import Foundation
import HTTPTypes
import Logging
import MartletServer
import MartletWebSocket
import NIOCore
import ServiceLifecycle
import UnixSignals

struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect to a WebSocket server, or wait for a client.",
        discussion: """
            Sends each line of standard input and prints each message; at a terminal lines can be edited and come back
            with the arrow keys. The end of the input closes the connection. Ctrl-C sends a close frame and waits at
            most 1 s for the answer.

            Proxies are taken from the environment: https_proxy, http_proxy, all_proxy, no_proxy.

            Exit codes: 0 when the connection was closed properly, 1 when it broke, 64 usage, 69 when it could not
            be opened, 77 when the server answered 401 or 403.

            Shell completions: martlet --generate-completion-script bash (or zsh, fish).
            """
    )

    @Argument(help: "ws://host:port/path or wss://…; user:password@ before the host logs in.")
    var url: String?

    @Option(help: "Act as the server: accept clients at this address, one at a time, at any path.")
    var listen: ListenAddress?

    @Option(name: [.customShort("H"), .long], help: "Send a header, \"Name: value\"; several times for several.")
    var header: [String] = []

    @Option(
        help: "Offer a subprotocol, or with --listen accept it; several times for several, the preferred one first.")
    var subprotocol: [String] = []

    @Option(help: "Send an Origin header; with --listen accept pages of this origin, * for any.")
    var origin: String?

    @Flag(help: "Send binary messages: standard input as it comes, up to 64 KiB each.")
    var binary = false

    @Flag(help: "Lines of standard input are base64 of binary messages; binary messages are printed as base64 lines.")
    var base64 = false

    @Flag(help: "Print everything as JSON, one object a line: time, type (open, text, binary, pong, close), data, …")
    var jsonl = false

    @Option(help: "Send a ping this often, 1s or 250ms, and print how long the pong took.", transform: TimeAmount.parse)
    var pingInterval: TimeAmount?

    @Flag(help: "Offer compression (permessage-deflate).")
    var compress = false

    @Flag(help: "Do not check the server's certificate.")
    var insecure = false

    @Option(help: "Trust this certificate authority (PEM file) in place of the system's.", completion: .file())
    var ca: String?

    @Option(help: "Show this client certificate (PEM file); --key goes with it.", completion: .file())
    var cert: String?

    @Option(help: "The client certificate's key (PEM file).", completion: .file())
    var key: String?

    @Option(help: "Go through a proxy: http://, https:// or socks5://host:port; none for no proxy.")
    var proxy: String?

    @Option(help: "Connect to this Unix domain socket in place of the URL's host.", completion: .file())
    var unixSocket: String?

    @Option(help: "Follow at most this many redirects.")
    var maxRedirects = 0

    @Option(help: "Give up if there is no connection after this time.", transform: TimeAmount.parse)
    var timeout: TimeAmount = .seconds(30)

    @Option(help: "The longest message that is accepted, in bytes.")
    var maxMessageSize = 64 << 20

    @Flag(help: "End after the first message; the end of standard input does not end it.")
    var oneMessage = false

    @Flag(help: "Connect again, after a pause, when the connection is lost.")
    var reconnect = false

    @Option(help: "Send --text this often in place of standard input: 1s, 250ms.", transform: TimeAmount.parse)
    var every: TimeAmount?

    @Option(help: "What --every sends; {time} becomes the time of sending.")
    var text = "{time}"

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .warning

    func validate() throws {
        guard (self.url == nil) != (self.listen == nil) else {
            throw ValidationError("give either a URL or --listen")
        }
        guard !(self.binary && self.base64) else { throw ValidationError("--binary and --base64 exclude each other") }
        guard (self.cert == nil) == (self.key == nil) else { throw ValidationError("--cert and --key go together") }
        guard self.maxMessageSize > 0, self.maxRedirects >= 0 else {
            throw ValidationError("--max-message-size must be above 0, --max-redirects at least 0")
        }
        _ = try self.headerFields()
        if self.listen != nil, let origin = self.origin { _ = try OriginPolicy.parse([origin]) }
    }

    func run() async throws {
        // At a terminal, typed lines and received messages share the screen.
        let isInteractive = isatty(STDIN_FILENO) == 1 && Printable.isTerminal && self.every == nil && !self.jsonl
        let editor = isInteractive ? LineEditor() : nil
        let output = ConnectOutput(
            format: self.jsonl ? .jsonLines : self.base64 ? .base64 : .plain, editor: editor)
        var options = ConnectSession.Options()
        options.pingInterval = self.pingInterval
        options.oneMessage = self.oneMessage
        options.closesAtEnd = self.listen == nil
        options.repeated = self.every.map { (self.text, $0) }
        let session = ConnectSession(options: options, output: output)
        let code: ExitCode
        do {
            code = try await self.run(session, editor)
            editor?.stop()
        } catch {
            editor?.stop()
            throw error
        }
        if code != .success { throw code }
    }

    private enum Step {
        case ended(ExitCode)
        case interrupted
        case inputEnded
    }

    private func run(_ session: ConnectSession, _ editor: LineEditor?) async throws -> ExitCode {
        let interrupts = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Step.self) { group in
            // However it ends, nothing may wait for a connection any more.
            defer { session.stop() }
            group.addTask {
                if let listen = self.listen { return .ended(try await self.serve(listen, session)) }
                return .ended(try await self.dial(session))
            }
            group.addTask {
                for await _ in interrupts { break }
                await session.finish()
                return .interrupted
            }
            group.addTask {
                editor?.start()
                let format: ConnectInput.Format = self.binary ? .binary : self.base64 ? .base64 : .text
                let input =
                    self.every != nil
                    ? nil : editor.map { ConnectInput(format, lines: $0.lines) } ?? ConnectInput(format)
                await session.send(input)
                return .inputEnded
            }
            while let step = try await group.next() {
                switch step {
                case .ended(let code):
                    session.stop()
                    group.cancelAll()
                    return code
                case .interrupted: group.cancelAll()
                case .inputEnded: break
                }
            }
            return .success
        }
    }

    // MARK: Client

    private func dial(_ session: ConnectSession) async throws -> ExitCode {
        let logger = ServiceRunner.makeLogger("martlet.connect", level: self.logLevel)
        let client = WebSocketClient(configuration: try self.clientConfiguration(), logger: logger)
        var policy = ReconnectPolicy()
        if !self.reconnect {
            policy.decide = { loss in
                if case .closed = loss { return .finish }
                return .fail
            }
        }
        policy.onRetry = { attempt in
            let seconds = Double(attempt.delay.components.seconds) + Double(attempt.delay.components.attoseconds) / 1e18
            session.output.note("trying again in \(String(format: "%.1f", seconds)) s")
        }
        let standard = policy.decide
        policy.decide = { session.isOver ? .finish : standard($0) }
        var last: WebSocketCloseInformation?
        do {
            for try await socket in client.reconnecting(
                to: self.url ?? "", subprotocols: self.subprotocol, headerFields: try self.headerFields(),
                policy: policy)
            {
                await session.receive(socket)
                last = await socket.closed()
                if session.isOver { break }
            }
        } catch let error as WebSocketError {
            return self.report(error, session)
        } catch is CancellationError {
            return .success
        }
        return last?.isClean ?? true ? .success : .failure
    }

    private func report(_ error: WebSocketError, _ session: ConnectSession) -> ExitCode {
        session.output.note("martlet: \(Printable.escape("\(error)"))")
        switch error.code {
        case .closed: return .failure
        case .invalidURL: return ExitCode(64)
        default: return ExitCode([401, 403].contains(error.handshakeFailure?.status) ? 77 : 69)
        }
    }

    private func webSocketConfiguration() -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.closeTimeout = .seconds(1)
        // What is on its way when the input ends shall be printed, and a connection that closes while its messages wait
        // to be read throws the rest away. Only a reader of our output that stalls makes this much wait.
        configuration.inboundQueueLimit = 64 * 1024 * 1024
        configuration.inboundQueueCount = 1_000_000
        configuration.limits = MessageLimits(maximumMessageSize: self.maxMessageSize)
        if self.compress {
            var compression = CompressionConfiguration()
            compression.allowsContextTakeover = true
            configuration.compression = compression
        }
        return configuration
    }

    private func clientConfiguration() throws -> WebSocketClient.Configuration {
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket = self.webSocketConfiguration()
        configuration.maximumRedirects = self.maxRedirects
        configuration.unixSocketPath = self.unixSocket
        configuration.totalTimeout = self.timeout
        configuration.connectTimeout = self.timeout
        configuration.handshakeTimeout = self.timeout
        do {
            if let proxy = self.proxy {
                configuration.proxy = proxy == "none" ? .none : .proxy(try WebSocketProxy(url: proxy))
            }
            try configuration.useCertificates(
                authority: self.ca, certificate: self.cert, key: self.key, isInsecure: self.insecure)
        } catch let error as WebSocketError {
            ServiceRunner.complain("martlet: \(error)")
            throw ExitCode(error.code == .tlsFailed ? 66 : 64)
        }
        return configuration
    }

    private func headerFields() throws -> HTTPFields {
        var fields = HTTPFields()
        for header in self.header {
            guard let colon = header.firstIndex(of: ":"),
                let name = HTTPField.Name(String(header[..<colon]))
            else { throw ValidationError("\(header) is no header: write \"Name: value\"") }
            let value = header[header.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            guard HTTPField.isValidValue(value) else {
                throw ValidationError("the value of \(name) has characters that no header may have")
            }
            fields.append(HTTPField(name: name, value: value))
        }
        if self.listen == nil { fields[.origin] = self.origin ?? fields[.origin] }
        return fields
    }

    // MARK: Server

    private func serve(_ address: ListenAddress, _ session: ConnectSession) async throws -> ExitCode {
        let logger = ServiceRunner.makeLogger("martlet.connect", level: self.logLevel)
        let server = OneClientServer(
            address: address, configuration: self.webSocketConfiguration(), subprotocols: self.subprotocol,
            origin: try OriginPolicy.parse(self.origin.map { [$0] } ?? []), logger: logger)
        do {
            try await server.run(
                onListening: { session.output.note("waiting for a client at ws://\($0)/") },
                serve: { socket in
                    await session.receive(socket)
                    return !session.isOver && !self.oneMessage
                })
        } catch let error as WebSocketError {
            session.output.note("martlet: \(error)")
            return ExitCode(69)
        }
        return .success
    }
}
