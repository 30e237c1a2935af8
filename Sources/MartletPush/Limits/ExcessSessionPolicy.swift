/// The policy for a user who has as many sessions as one may have, and begins another.
public enum ExcessSessionPolicy: Sendable, Hashable {
    /// The new one is refused. The default.
    case refuse
    /// The oldest one is closed with 1008 and makes room.
    case closeOldest
}
