import ArgumentParser
import Foundation
import MartletPush
import MartletServer
import NIOCore

struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Push messages to a running service.",
        discussion: """
            martlet push --user 42 --event alerts 'It rains'
            uptime | martlet push --user 42 --event alerts
            martlet push --file messages.jsonl      # {"userId":"42","event":"alerts","message":"It rains"} a line

            A message that the service cannot take at the moment is sent again, and delivered once.

            Lines are pushed as they come: standard input may be a pipe that never ends.

            Exit codes: 0 when everything was taken, 64 usage, 65 the message is empty or a line of the file is wrong,
            66 a file cannot be read, 69 the service cannot be reached or refuses, 77 the API key is missing or wrong.
            """
    )

    @Option(help: "URL of the service; a path in it takes the place of /push.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "The user that the message is for.")
    var user: String?

    @Option(help: "The event that the message is about.")
    var event: String?

    @Option(help: "A file of JSON lines in place of one message; - for standard input.")
    var file: String?

    @Option(
        help:
            "A file of API keys, as for martlet serve; the first is used. Default: the variable MARTLET_API_KEY."
    )
    var apiKeyFile: String?

    @Option(help: "How long each attempt may take.", transform: TimeAmount.parse)
    var timeout = TimeAmount.seconds(10)

    @Flag(help: "Print the outcome as JSON.")
    var json = false

    @Argument(help: "The message. Default: what comes on standard input, without the line end behind it.")
    var message: String?

    func validate() throws {
        if self.file != nil {
            guard self.user == nil, self.event == nil, self.message == nil else {
                throw ValidationError("--file excludes --user, --event and a message: its lines name them")
            }
        } else if self.user?.isEmpty ?? true || self.event?.isEmpty ?? true {
            throw ValidationError("--user and --event are needed, or --file")
        }
    }

    func run() async throws {
        let client = try await ServiceRunner.orExit {
            let key = try APIKey.read(file: self.apiKeyFile, environment: "MARTLET_API_KEY")
            do {
                return try PushClient(url: self.url, key: key, timeout: self.timeout)
            } catch let error as ServerError {
                throw ServerError(.usage, reason: error.reason)
            }
        }
        if let file = self.file {
            try await PushedFile(name: file, client: client, isJSON: self.json).run()
        } else {
            try await self.pushOne(client)
        }
    }

    private func pushOne(_ client: PushClient) async throws {
        let text = try self.message ?? Self.standardInput()
        guard !text.isEmpty else {
            ServiceRunner.complain("martlet: the message is empty")
            throw ExitCode(65)
        }
        do {
            let count = try await client.push(
                PushMessage(user: self.user ?? "", event: self.event ?? "", message: text))
            ServiceRunner.say(self.json ? #"{"delivered":\#(count)}"# : "message sent to \(count) clients")
        } catch let error as PushClientError {
            ServiceRunner.complain("martlet: \(self.url): \(error)")
            throw error.exitCode
        }
    }

    private static func standardInput() throws -> String {
        let data = try FileHandle.standardInput.readToEnd() ?? Data()
        guard var text = String(data: data, encoding: .utf8) else {
            ServiceRunner.complain("martlet: standard input is not UTF-8")
            throw ExitCode(65)
        }
        if text.hasSuffix("\n") { text.removeLast() }
        return text
    }
}

extension PushClientError {
    var exitCode: ExitCode { self.status == 401 || self.status == 403 ? ExitCode(77) : ExitCode(69) }
}
