import FoundationEssentials
import MartletPush

/// Tokens and the users they stand for, from a file: one `TOKEN USER` a line, separated by white space. Empty lines and
/// lines that begin with `#` are skipped.
public struct TokenFile: Sendable {
    private let users: [ExactString: String]

    /// - Throws: ``ServerError`` with the code `file`, naming the line.
    public init(contentsOf path: String) throws {
        let text: String
        do {
            text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        } catch {
            throw ServerError(.file, reason: "cannot read the token file \(path)", cause: error)
        }
        try self.init(text: text, name: path)
    }

    init(text: String, name: String) throws {
        var users: [ExactString: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            guard fields.count == 2 else {
                throw ServerError(.file, reason: "\(name), line \(index + 1): expected a token and a user")
            }
            guard users.updateValue(String(fields[1]), forKey: ExactString(String(first))) == nil else {
                throw ServerError(.file, reason: "\(name), line \(index + 1): this token is there twice")
            }
        }
        guard !users.isEmpty else { throw ServerError(.file, reason: "\(name) holds no tokens") }
        self.users = users
    }

    /// The user of a token. A dictionary hashes with a random seed, so its timing says nothing about the tokens.
    public func user(of token: String) -> String? { self.users[ExactString(token)] }
}
