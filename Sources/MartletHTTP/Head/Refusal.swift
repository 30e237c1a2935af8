package import HTTPTypes

/// A `Refusal` is an answer that refuses a request: a status, headers, and a reason that a person can act on, which is
/// the body and is logged.
package struct Refusal: Error, Sendable, Hashable {
    package var status: HTTPResponse.Status
    package var reason: String
    package var fields: HTTPFields
    /// Whether the connection may stay open after it, if the client wants that.
    package var mayStay: Bool
    /// A further detail, for the log only.
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
