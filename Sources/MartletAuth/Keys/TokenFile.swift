import MartletPush
import MartletService
import Synchronization

/// Tokens and the users they stand for, from a file: one `TOKEN USER` a line, separated by white space. Empty lines and
/// lines that begin with `#` are skipped. The file can be read anew while the service runs.
public final class TokenFile: Sendable {
    private let users: Mutex<[ExactString: String]>

    /// - Throws: ``ServerError`` with the code `file`, naming the line.
    public init(contentsOf path: String) throws {
        self.users = Mutex(try Self.users(SecretFile(contentsOf: path), name: path))
    }

    package init(text: String, name: String) throws {
        self.users = Mutex(try Self.users(SecretFile(text: text, name: name), name: name))
    }

    /// Replaces the tokens by those of a file.
    ///
    /// - Throws: ``ServerError`` with the code `file`; then everything stays as it was.
    public func reload(contentsOf path: String) throws {
        let users = try Self.users(SecretFile(contentsOf: path), name: path)
        self.users.withLock { $0 = users }
    }

    private static func users(_ file: SecretFile, name: String) throws -> [ExactString: String] {
        var users: [ExactString: String] = [:]
        for line in file.lines {
            guard line.fields.count == 2 else { throw line.error("expected a token and a user") }
            guard users.updateValue(line.fields[1], forKey: ExactString(line.fields[0])) == nil else {
                throw line.error("this token is there twice")
            }
        }
        guard !users.isEmpty else { throw ServerError(.file, reason: "\(name) holds no tokens") }
        return users
    }

    /// The user of a token. A dictionary hashes with a random seed, so its timing says nothing about the tokens.
    public func user(of token: String) -> String? { self.users.withLock { $0[ExactString(token)] } }
}
