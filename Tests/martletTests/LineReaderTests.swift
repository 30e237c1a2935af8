import Foundation
import Testing

@testable import martlet

@Suite("Lines of a file")
struct LineReaderTests {
    private static func lines(_ text: String) throws -> [String] {
        let file = try TemporaryFile(text)
        var reader = try LineReader(file.path)
        var lines: [String] = []
        while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        #expect(reader.byteCount == text.utf8.count && reader.size == text.utf8.count)
        #expect(try reader.next() == nil, "an end stays one")
        return lines
    }

    @Test(
        "lines end with LF or CR LF, and the last one need not",
        arguments: [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]), ("\n", [""]),
            ("\n\n", ["", ""]),
            ("\r\n\n", ["", ""]), ("a\n\nb", ["a", "", "b"]), ("a\rb\n", ["a\rb"]), ("a\r\r\n", ["a\r"]),
            (" a \n", [" a "]),
            ("ä\u{2028}b\u{85}c\n", ["ä\u{2028}b\u{85}c"]), ("a\0b\n", ["a\0b"]), ("a\n\u{301}b", ["a", "\u{301}b"]),
        ] as [(String, [String])])
    func lines(text: String, expected: [String]) throws {
        #expect(try Self.lines(text).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test(
        "lines may be longer than what is read at once, and end anywhere in it",
        arguments: [65_534, 65_535, 65_536, 65_537, 200_000])
    func longLines(length: Int) throws {
        let line = String(repeating: "x", count: length)
        #expect(try Self.lines(line) == [line])
        #expect(try Self.lines("\(line)\r\ny\n\(line)\nz") == [line, "y", line, "z"])
        #expect(try Self.lines("\(line)\r\n\r\n") == [line, ""])
    }

    @Test("many lines come one after the other")
    func manyLines() throws {
        let expected = (0..<20_000).map { String($0) }
        #expect(try Self.lines(expected.joined(separator: "\n")) == expected)
    }

    @Test("bytes that are no text come as they are")
    func bytes() throws {
        let file = try TemporaryFile([0xFF, 0x00, 0x0A, 0xC3, 0x0A])
        var reader = try LineReader(file.path)
        #expect(try reader.next().map(Array.init) == [0xFF, 0x00])
        #expect(try reader.next().map(Array.init) == [0xC3])
        #expect(try reader.next() == nil)
    }

    @Test("what was given out is counted with its line ends")
    func byteCount() throws {
        let file = try TemporaryFile("a\r\n\nbc")
        var reader = try LineReader(file.path)
        var counts = [reader.byteCount]
        while try reader.next() != nil { counts.append(reader.byteCount) }
        #expect(counts == [0, 3, 4, 6])
    }

    @Test("a line is there as soon as it is written, and not before")
    func pipe() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        var reader = try LineReader("/dev/fd/\(descriptor)")
        #expect(reader.size == nil, "nobody knows how much will come")
        try pipe.fileHandleForWriting.write(contentsOf: Data("one\ntw".utf8))
        #expect(try reader.next().map { String(decoding: $0, as: UTF8.self) } == "one")
        try pipe.fileHandleForWriting.write(contentsOf: Data("o\nthree".utf8))
        #expect(try reader.next().map { String(decoding: $0, as: UTF8.self) } == "two")
        try pipe.fileHandleForWriting.close()
        #expect(try reader.next().map { String(decoding: $0, as: UTF8.self) } == "three")
        #expect(try reader.next() == nil)
    }

    @Test("what is no file has no size, and what cannot be read is an error")
    func odd() throws {
        var reader = try LineReader("/dev/null")
        #expect(reader.size == nil)
        #expect(try reader.next() == nil)
        #expect(throws: (any Error).self) { try LineReader("/nonexistent/file") }
        #expect(throws: (any Error).self) {
            var directory = try LineReader("/tmp")
            _ = try directory.next()
        }
    }
}
