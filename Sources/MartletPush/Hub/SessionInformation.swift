/// What an operator sees of a session.
package struct SessionInformation: Sendable {
    package let id: SessionID
    package let user: String
    /// In alphabetical order.
    package let events: [String]
    package let carrier: SessionCarrier
}
