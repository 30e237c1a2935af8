/// The reason for which the service ends a session. The dialect chooses the close code.
package enum DisconnectReason: Sendable, Hashable {
    /// The client did something that it may not.
    case refused
    /// The token has expired.
    case expired
    /// A newer session of the same user has taken its place.
    case replaced
    /// The service cannot give the client what it needs at the moment: it may come back later.
    case unavailable
    /// The back end disconnected the session.
    case disconnected
}
