import MartletService

/// A key that a back end shows to the API: `X-API-Key: KEY` or `Authorization: Bearer KEY`.
public struct APIKey: Sendable, Hashable {
    /// The name that limits know where there are no keys.
    package static let none = ""

    /// For logs and limits; not secret.
    public let name: String
    package let value: String

    /// The first key of a file such as ``APIKeys`` reads, or what the environment says.
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
    ///   - name: whose it is. Default: `default`.
    public init(_ value: String, name: String = "default") {
        self.value = value
        self.name = name
    }
}
