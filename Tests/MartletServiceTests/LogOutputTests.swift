import Foundation
import Logging
import Testing

@testable import MartletService

@Suite("Log output", .timeLimit(.minutes(1)))
struct LogOutputTests {
    @Test("while nobody reads, nobody waits; lines that do not fit are left out and counted")
    func stalledReader() throws {
        let pipe = Pipe()
        let output = LogOutput(pipe.fileHandleForWriting.fileDescriptor) { label, stream in
            JSONLogHandler(label: label) { line in
                var stream = stream
                stream.write(line)
            }
        }
        let line = String(repeating: "x", count: 1 << 12) + "\n"
        let count = 2 * LogOutput.maximumBacklog / line.utf8.count
        for _ in 0..<count { output.write(line) }
        // All of that has returned although a pipe holds 64 KiB.
        var text = ""
        while !text.contains("left out") {
            let chunk = pipe.fileHandleForReading.availableData
            try #require(!chunk.isEmpty)
            text += String(decoding: chunk, as: UTF8.self)
        }
        let lines = text.split(separator: "\n")
        let written = lines.count { $0.hasPrefix("x") }
        let note = try #require(lines.last { $0.hasPrefix("{") })
        #expect(note.contains(#""lines":"\#(count - written)""#) && note.contains(#""level":"warning""#))
        #expect(written >= LogOutput.maximumBacklog / line.utf8.count)
        Logger(label: "after") { output.handler(label: $0) }.info("as before")
        var next = ""
        while !next.hasSuffix("\n") {
            next += String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        }
        #expect(next.contains("as before"))
    }
}
