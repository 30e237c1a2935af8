import Synchronization

/// The place of one session in its user's limit. It is given back when nothing holds it any more, however the
/// connection ends, or when a newer session takes it.
package final class UserPlace: Sendable {
    private struct State {
        /// Ends the session; `nil` until there is one.
        var end: (@Sendable () -> Void)?
        var isGivenUp = false
    }

    private let user: ExactString
    private let sessions: UserSessions
    private let state = Mutex(State())

    init(_ user: ExactString, of sessions: UserSessions) {
        self.user = user
        self.sessions = sessions
    }

    deinit { if !self.state.withLock({ $0.isGivenUp }) { self.sessions.leave(self.user) } }

    /// Sets the function that ends the session when a newer one takes its place.
    func onReplaced(_ end: @escaping @Sendable () -> Void) { self.state.withLock { $0.end = end } }

    /// - Returns: whether the place is free; ``end()`` must follow then.
    func giveUp() -> Bool {
        self.state.withLock { state in
            guard state.end != nil, !state.isGivenUp else { return false }
            state.isGivenUp = true
            return true
        }
    }

    func end() { self.state.withLock { $0.end }?() }
}
