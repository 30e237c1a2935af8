package import HTTPTypes

/// A `Refusal` is an answer that says no: a status, headers, and a reason that a person can act on, which is the body and stands
/// in the log.
package struct Refusal: Error, Sendable, Hashable {
    package var status: HTTPResponse.Status
    package var reason: String
    package var fields: HTTPFields
    /// Whether the connection may live on behind it, if the client wants that.
    package var mayStay: Bool
    /// What only the log is told besides.
    package var detail: String?

    package init(
        _ status: HTTPResponse.Status, _ reason: String, _ fields: HTTPFields = [:], mayStay: Bool = true
    ) {
        self.status = status
        self.reason = reason
        self.fields = fields
        self.mayStay = mayStay
    }
}
