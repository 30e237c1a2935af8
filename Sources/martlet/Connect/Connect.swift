import ArgumentParser
import Foundation
import HTTPTypes
import Logging
import MartletPush
import MartletWebSocket
import NIOCore
import UnixSignals

struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect to a WebSocket server.",
        discussion: """
            Sends each line of standard input and prints each message. With --every it sends --text again and again in
            place of standard input. Ctrl-C sends a close frame and waits at most 1 s for the answer.

            Exit codes: 0 when the connection was closed properly, 1 when it broke, 64 usage, 69 when it did not come about.
            """
    )

    @Argument(help: "ws://host:port/path")
    var url: String

    @Option(help: "Send --text this often: 1s, 250ms.", transform: TimeAmount.parse)
    var every: TimeAmount?

    @Option(help: "What --every sends; {time} becomes the time of sending.")
    var text = "{time}"

    @Option(help: "Offer a subprotocol; several times for several, the preferred one first.")
    var subprotocol: [String] = []

    @Option(help: "Send an Origin header.")
    var origin: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .warning

    func run() async throws {
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket.closeTimeout = .seconds(1)
        let logger = ServiceRunner.makeLogger("martlet.connect", level: self.logLevel)
        let client = WebSocketClient(configuration: configuration, logger: logger)
        var fields = HTTPFields()
        fields[.origin] = self.origin
        let information: WebSocketCloseInformation
        do {
            information = try await client.connect(to: self.url, subprotocols: self.subprotocol, headerFields: fields) {
                try await self.talk($0)
            }
        } catch let error as WebSocketError {
            ServiceRunner.complain("martlet: \(SafeText.escape("\(error)"))")
            throw ExitCode(error.code == .closed ? 1 : error.code == .invalidURL ? 64 : 69)
        }
        ServiceRunner.complain("closed: \(SafeText.escape("\(information)"))")
        if !information.isClean { throw ExitCode.failure }
    }

    /// Sends and prints until one side ends.
    private func talk(_ socket: WebSocketConnection) async throws {
        let interrupts = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await message in socket.messages where !Self.show(message) {
                    await socket.close()  // nobody reads what we print any more
                }
            }
            group.addTask {
                for await _ in interrupts { break }
                await socket.close()
            }
            group.addTask { [every = self.every, text = self.text] in
                do {
                    if let every {
                        try await Self.sendRepeatedly(text, every, to: socket)
                    } else {
                        try await Self.sendStandardInput(to: socket)
                        await socket.close()
                    }
                } catch let error as WebSocketError where error.code == .closed {
                    // How the connection ended is for the close information to say.
                }
            }
            // The messages end with the connection, whoever closes it.
            try await group.next()
            while socket.closeInformation == nil, try await group.next() != nil {}
            group.cancelAll()
        }
    }

    private static func sendStandardInput(to socket: WebSocketConnection) async throws {
        let input = StandardInput()
        for await line in input.lines {
            try await socket.send(text: line)
            input.consumed()
        }
    }

    private static func sendRepeatedly(
        _ text: String, _ every: TimeAmount, to socket: WebSocketConnection
    ) async throws {
        while !Task.isCancelled {
            try await Task.sleep(for: .nanoseconds(every.nanoseconds))
            let time = Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))
            try await socket.send(text: text.replacing("{time}", with: time))
        }
    }

    /// - Returns: whether it could be written.
    private static func show(_ message: WebSocketMessage) -> Bool {
        switch message {
        case .text(let text): ServiceRunner.say(Printable.isTerminal ? SafeText.escape(text) : text)
        case .binary(let bytes) where Printable.isTerminal: ServiceRunner.say("(\(bytes.readableBytes) bytes)")
        case .binary(let bytes): ServiceRunner.write(Data(bytes.readableBytesView))
        }
    }
}
