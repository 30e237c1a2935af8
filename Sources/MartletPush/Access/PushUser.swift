public import FoundationEssentials

/// Who a client is.
public struct PushUser: Sendable, Hashable {
    /// Not empty.
    public var id: String
    /// When its token expires, and its connections end with it, unless a new one has come. Default: `nil`, never.
    public var expiresAt: Date?

    public init(_ id: String, expiresAt: Date? = nil) {
        self.id = id
        self.expiresAt = expiresAt
    }
}
