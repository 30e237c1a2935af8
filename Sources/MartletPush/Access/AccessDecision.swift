/// What came of asking who a client is.
package enum AccessDecision: Sendable, Hashable {
    case user(PushUser)
    case refused
    case unavailable
}
