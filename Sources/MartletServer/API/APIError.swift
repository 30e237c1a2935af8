import MartletPush

/// An error of a command. The codes are listed in docs/http-api.md.
struct APIError: Error, Encodable, Sendable, Hashable {
    let code: Int
    let message: String

    static let unknownChannel = APIError(
        code: 102, message: "unknown channel: a user channel is EVENT#USER, such as alerts#42")
    /// Temporary: the next process may take the message.
    static let stopping = APIError(
        code: 100, message: "internal error: the service is about to stop, and no session took this: send it again")
    static let keyOfOtherMessage = APIError(code: 107, message: "bad request: \(Publisher.Failure.otherMessage)")
    static let methodNotFound = APIError(code: 104, message: "method not found")

    /// Temporary: the broker did not confirm the publication.
    static func unpublished(_ error: BrokerError) -> APIError {
        APIError(code: 100, message: "internal error: \(PushAnswer.reason(error))")
    }

    static func badRequest(_ reason: String) -> APIError { APIError(code: 107, message: "bad request: \(reason)") }
}
