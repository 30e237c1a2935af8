public import HTTPTypes

/// The static key that a back end shows to `/push` and `/drop`.
public struct APIKey: Sendable {
    private let value: String

    /// - Parameter value: not empty.
    public init(_ value: String) { self.value = value }

    /// Whether a request shows the key: `X-API-Key: KEY` or `Authorization: Bearer KEY`.
    public func authorizes(_ request: HTTPRequest) -> Bool {
        var shown = request.headerFields[values: Self.headerName]
        for value in request.headerFields[values: .authorization] {
            let parts = value.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" { shown.append(String(parts[1])) }
        }
        return shown.contains { ConstantTime.equals($0, self.value) }
    }

    private static let headerName = HTTPField.Name("X-API-Key")!
}
