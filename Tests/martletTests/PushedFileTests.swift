import ArgumentParser
import MartletServer
import NIOCore
import Testing

@testable import martlet

@Suite("A file that is pushed")
struct PushedFileTests {
    /// - Returns: the exit code; `nil` when everything was pushed. Nothing listens where it would be pushed to.
    private static func code(_ path: String, isJSON: Bool = false) async throws -> Int32? {
        let client = try PushClient(url: "http://127.0.0.1:9", key: nil, attempts: 1, timeout: .seconds(1))
        do {
            try await PushedFile(name: path, client: client, isJSON: isJSON).run()
            return nil
        } catch let code as ExitCode {
            return code.rawValue
        }
    }

    @Test(
        "a file that cannot be read is one exit code, and so is one that cannot be read on",
        arguments: ["/nonexistent/file", "/tmp"])
    func unreadable(path: String) async throws { #expect(try await Self.code(path) == 66) }

    @Test(
        "a line that is no message is another",
        arguments: [
            "x", "{}", "[]", #"{"userId":"1"}"#, #"{"userId":"1","event":"e"}"#,
            #"{"userId":"1","event":"e","message":"m"} x"#,
            "\n \t\nnonsense\n", "{",
        ])
    func malformed(text: String) async throws {
        let file = try TemporaryFile(text)
        #expect(try await Self.code(file.path) == 65)
        #expect(try await Self.code(file.path, isJSON: true) == 65)
    }

    @Test("a line that is no UTF-8 is, too")
    func noText() async throws {
        let file = try TemporaryFile(
            Array(#"{"userId":"1","event":"e","message":""#.utf8) + [0xFF] + Array("\"}\n".utf8))
        #expect(try await Self.code(file.path) == 65)
    }

    @Test("a service that is not there is a third")
    func unreachable() async throws {
        let file = try TemporaryFile(#"{"userId":"1","event":"e","message":"m"}"# + "\n")
        #expect(try await Self.code(file.path) == 69)
    }

    @Test("blank lines are ignored", arguments: ["", "\n", " \t\r\n\n  "])
    func blank(text: String) async throws {
        let file = try TemporaryFile(text)
        #expect(try await Self.code(file.path) == nil)
    }
}
