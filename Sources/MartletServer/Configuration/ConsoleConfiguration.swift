/// The page at `/`.
public struct ConsoleConfiguration: Sendable {
    /// Whether it is there. Default: `true`.
    public var isEnabled = true
    /// The passwords that its users are asked for (HTTP Basic, RFC 7617; the name of the user is that of the key). Default:
    /// `nil`, nobody is asked; then the list of sessions needs an API key, where there are any.
    public var passwords: APIKeys?

    public init() {}
}
