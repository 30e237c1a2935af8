/// Why the service ends a session. A dialect says with which code.
package enum DisconnectReason: Sendable, Hashable {
    /// The client did something that it may not.
    case refused
    /// The token has expired.
    case expired
    /// The service cannot give the client what it needs at the moment: it may come back later.
    case unavailable
    /// The back end said so.
    case disconnected
}
