public import FoundationEssentials

/// The user that a client is, and how long its token is valid.
public struct PushUser: Sendable, Hashable {
    /// The user's id; not empty.
    public var id: String
    /// The time at which its token expires and its sessions end, unless a new token has come. Default: `nil`, never.
    public var expiresAt: Date?

    public init(_ id: String, expiresAt: Date? = nil) {
        self.id = id
        self.expiresAt = expiresAt
    }
}
