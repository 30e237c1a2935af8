import FoundationEssentials
import MartletService

/// A file with secrets, one a line, perhaps with more about it behind white space. Empty lines and lines that begin
/// with `#` are skipped.
package struct SecretFile {
    package struct Line {
        /// The fields of the line, at least one.
        let fields: [String]
        let number: Int
        let name: String

        /// Returns an error that names the line, and never shows its contents.
        func error(_ reason: String) -> ServerError {
            ServerError(.file, reason: "\(self.name), line \(self.number): \(reason)")
        }
    }

    package let lines: [Line]

    /// - Throws: ``ServerError`` with the code `file`.
    package init(contentsOf path: String) throws {
        do {
            self.init(text: try String(contentsOf: URL(filePath: path), encoding: .utf8), name: path)
        } catch {
            throw ServerError(.file, reason: "cannot read \(path)", cause: error)
        }
    }

    package init(text: String, name: String) {
        var lines: [Line] = []
        // CR LF is one character.
        let all = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in all.enumerated() {
            let fields = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            lines.append(Line(fields: fields, number: index + 1, name: name))
        }
        self.lines = lines
    }
}
