import ArgumentParser
import Foundation
import MartletPush
import MartletServer
import NIOCore

/// Pushes the lines of a file, in their order, and shows how far it is.
struct PushedFile {
    let name: String
    let client: PushClient
    let isJSON: Bool

    func run() async throws {
        let lines = try self.lines()
        var progress = ProgressBar(total: lines.count)
        var delivered = 0
        var sent = 0
        for (index, line) in lines.enumerated() {
            guard !line.allSatisfy(\.isWhitespace) else { continue }
            guard let message = PushMessage(json: ByteBuffer(string: String(line))) else {
                progress.end()
                try self.fail(
                    ExitCode(65), "line \(index + 1): expected {\"userId\":…,\"event\":…,\"message\":…}", sent: sent)
            }
            do {
                delivered += try await self.client.push(message)
            } catch let error as PushClientError {
                progress.end()
                try self.fail(error.exitCode, "line \(index + 1): \(error)", sent: sent)
            }
            sent += 1
            progress.show(index + 1)
        }
        progress.end()
        ServiceRunner.say(
            self.isJSON
                ? #"{"sent":\#(sent),"delivered":\#(delivered)}"#
                : "\(sent) messages sent, \(delivered) deliveries")
    }

    private func lines() throws -> [Substring] {
        let data: Data
        do {
            data =
                self.name == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(filePath: self.name))
        } catch {
            ServiceRunner.complain("martlet: cannot read \(self.name): \(error.localizedDescription)")
            throw ExitCode(66)
        }
        guard let text = String(data: data, encoding: .utf8) else {
            ServiceRunner.complain("martlet: \(self.name) is not UTF-8")
            throw ExitCode(65)
        }
        return text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }

    private func fail(_ code: ExitCode, _ reason: String, sent: Int) throws -> Never {
        ServiceRunner.complain("martlet: \(self.name), \(reason). \(sent) messages before it were sent")
        throw code
    }
}
