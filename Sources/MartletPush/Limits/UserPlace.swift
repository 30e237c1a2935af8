/// The place of one session in its user's limit. It is given back when nothing holds it any more, however the
/// connection ends.
package final class UserPlace: Sendable {
    private let user: ExactString
    private let sessions: UserSessions

    init(_ user: ExactString, of sessions: UserSessions) {
        self.user = user
        self.sessions = sessions
    }

    deinit { self.sessions.leave(self.user) }
}
