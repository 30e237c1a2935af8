import ArgumentParser
import Foundation
import MartletPush
import MartletServer
import MartletWebSocket
import NIOCore

/// Pushes the lines of a file, in their order and as they come, and shows the progress.
struct PushedFile {
    let name: String
    let client: PushClient
    let isJSON: Bool

    private struct Tally {
        var sent = 0
        var delivered = 0
    }

    func run() async throws {
        var tally = Tally()
        var reader: LineReader
        do {
            reader = try LineReader(self.name)
        } catch {
            try self.fail(ExitCode(66), "cannot read it: \(ErrorText.of(error))", tally)
        }
        var progress = ProgressBar(size: reader.size)
        defer { progress.end() }
        var number = 0
        while true {
            let next: ArraySlice<UInt8>?
            do {
                next = try reader.next()
            } catch {
                progress.end()
                try self.fail(ExitCode(66), "cannot read it: \(ErrorText.of(error))", tally)
            }
            guard let line = next else { break }
            number += 1
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { continue }
            guard let message = PushMessage(json: ByteBuffer(bytes: line)) else {
                progress.end()
                try self.fail(ExitCode(65), "line \(number): \(Self.problem(of: line))", tally)
            }
            do {
                tally.delivered += try await self.client.push(message)
            } catch let error as PushClientError {
                progress.end()
                try self.fail(error.exitCode, "line \(number): \(error)", tally)
            }
            tally.sent += 1
            progress.show(reader.byteCount, count: tally.sent)
        }
        if tally.sent > 0 { progress.show(reader.byteCount, count: tally.sent) }
        progress.end()
        ServiceRunner.say(
            self.isJSON ? Self.json(tally) : "\(tally.sent) messages sent, \(tally.delivered) deliveries")
    }

    private static func problem(of line: ArraySlice<UInt8>) -> String {
        String(validating: line, as: UTF8.self) == nil
            ? "not UTF-8" : "expected {\"userId\":…,\"event\":…,\"message\":…}"
    }

    private static func json(_ tally: Tally, error: String? = nil) -> String {
        let error = error.map { #","error":"# + JSONText.string($0) } ?? ""
        return #"{"sent":\#(tally.sent),"delivered":\#(tally.delivered)\#(error)}"#
    }

    private func fail(_ code: ExitCode, _ reason: String, _ tally: Tally) throws -> Never {
        if self.isJSON { ServiceRunner.say(Self.json(tally, error: reason)) }
        ServiceRunner.complain("martlet: \(self.name), \(reason). \(tally.sent) messages before it were sent")
        throw code
    }
}
