/// Whether a user may have one more session.
package enum UserAdmission: Sendable {
    /// - Parameter place: to be held as long as the session lives; `nil` where sessions are not counted.
    case admitted(UserPlace?)
    case refused
}
