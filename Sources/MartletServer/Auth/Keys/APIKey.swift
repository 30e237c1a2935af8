/// A key that a back end shows to the API: `X-API-Key: KEY` or `Authorization: Bearer KEY`.
public struct APIKey: Sendable, Hashable {
    /// The name that limits know where there are no keys.
    static let none = ""

    /// For logs and limits; not secret.
    public let name: String
    let value: String

    /// - Parameters:
    ///   - value: not empty.
    ///   - name: whose it is. Default: `default`.
    public init(_ value: String, name: String = "default") {
        self.value = value
        self.name = name
    }
}
