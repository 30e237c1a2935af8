/// The outcome of checking a client's token: its user, a refusal, or no answer at the moment.
package enum AccessDecision: Sendable, Hashable {
    case user(PushUser)
    case refused
    case unavailable
}
