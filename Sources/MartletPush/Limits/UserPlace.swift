/// The place of one session in its user's limit. It is given back when nothing holds it any more, however the
/// connection ends, or when a newer session takes it.
package final class UserPlace: Sendable {
    /// The number of the place; no two of a service have the same.
    let number: UInt64
    private let user: ExactString
    private let sessions: UserSessions

    init(_ number: UInt64, of user: ExactString, in sessions: UserSessions) {
        self.number = number
        self.user = user
        self.sessions = sessions
    }

    deinit { self.sessions.leave(self.user, self.number) }

    /// Sets the function that ends the session when a newer one takes its place. Until then none can.
    func onReplaced(_ end: @escaping @Sendable () -> Void) { self.sessions.set(end, of: self.user, self.number) }
}
