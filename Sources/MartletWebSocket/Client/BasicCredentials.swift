import FoundationEssentials

/// A user name and a password (RFC 7617).
public struct BasicCredentials: Sendable, Hashable {
    public var user: String
    public var password: String

    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// The value of an `Authorization` or `Proxy-Authorization` header.
    var headerValue: String { "Basic " + Data("\(self.user):\(self.password)".utf8).base64EncodedString() }
}
