/// The end of the connection that this program is.
///
/// A client masks every frame that it sends, a server none; the other end fails the connection with 1002 when it sees
/// the opposite (RFC 6455, section 5.1).
public enum Role: Sendable, Hashable {
    case client
    case server

    /// The other end.
    @inlinable
    public var peer: Role { self == .server ? .client : .server }

    /// Whether frames that this end receives must be masked.
    @inlinable
    public var receivesMaskedFrames: Bool { self == .server }
}
