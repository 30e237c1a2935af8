/// The description of a session for an operator.
package struct SessionInformation: Sendable {
    package let id: SessionID
    package let user: String
    /// The events that it has subscribed to, in alphabetical order.
    package let events: [String]
    package let connectionInfo: SessionConnection
}
