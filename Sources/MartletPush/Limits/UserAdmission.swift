/// Whether a user may have one more session.
package enum UserAdmission: Sendable {
    /// - Parameter place: to be held as long as the session lives.
    case admitted(UserPlace)
    case refused
}
