import MartletService

/// A key that a back end shows to the API: `X-API-Key: KEY` or `Authorization: Bearer KEY`.
public struct APIKey: Sendable, Hashable {
    /// The name under which limits are kept where there are no keys.
    package static let none = ""

    /// The name of the key, for logs and limits; not secret.
    public let name: String
    package let value: String

    /// Returns the first key of a file such as ``APIKeys`` reads, or the key in the environment.
    ///
    /// - Returns: `nil` when there is neither.
    /// - Throws: ``ServerError`` with the code `file`.
    public static func read(file: String?, environment name: String) throws -> String? {
        guard let file else { return try Secret.read(file: nil, environment: name) }
        guard let line = try SecretFile(contentsOf: file).lines.first else {
            throw ServerError(.file, reason: "\(file) holds no keys")
        }
        return line.fields[0]
    }

    /// - Parameters:
    ///   - value: not empty.
    ///   - name: the name of the key. Default: `default`.
    public init(_ value: String, name: String = "default") {
        self.value = value
        self.name = name
    }
}
