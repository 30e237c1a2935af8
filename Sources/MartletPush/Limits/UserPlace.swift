/// One of the sessions that a user may have. It is given back when nothing holds it any more, so that none is lost on
/// whatever way a connection ends.
package final class UserPlace: Sendable {
    private let user: ExactString
    private let sessions: UserSessions

    init(_ user: ExactString, of sessions: UserSessions) {
        self.user = user
        self.sessions = sessions
    }

    deinit { self.sessions.leave(self.user) }
}
