import Foundation
import MartletService

/// A secret from a file or the environment: never from an argument, which every user of the machine can read.
public enum Secret {
    /// - Parameter file: its first line is the secret; `nil` to look at the environment.
    /// - Returns: `nil` when there is neither.
    public static func read(file: String?, environment name: String) throws -> String? {
        guard let file else {
            return ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        return try Self.line(of: file)
    }

    /// Returns the first line of a file.
    ///
    /// - Throws: ``ServerError`` with the code `file`.
    package static func line(of file: String) throws -> String {
        let line = try Self.text(of: file).prefix { $0 != "\n" && $0 != "\r\n" }.trimmingCharacters(in: .whitespaces)
        guard !line.isEmpty else { throw ServerError(.file, reason: "the first line of \(file) is empty") }
        return line
    }

    /// - Throws: ``ServerError`` with the code `file`.
    package static func text(of file: String) throws -> String {
        do {
            return try String(contentsOf: URL(filePath: file), encoding: .utf8)
        } catch {
            throw ServerError(.file, reason: "cannot read \(file)", cause: error)
        }
    }
}
