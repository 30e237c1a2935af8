/// The reason for which a client, a back end or a message was refused, in the words that operators read.
package enum RefusalReason: Int, Sendable, Hashable, CaseIterable {
    case apiKey
    case token
    case tokenCheck
    case origin
    case userSessions
    case connections
    case rate
    case events
    case request
    case bodySize

    package var text: String {
        switch self {
        case .apiKey: "API key missing or wrong"
        case .token: "token missing or refused"
        case .tokenCheck: "tokens could not be checked"
        case .origin: "origin not allowed"
        case .userSessions: "too many sessions of one user"
        case .connections: "too many connections"
        case .rate: "too often"
        case .events: "too many events of one session"
        case .request: "request or message not understood"
        case .bodySize: "body too long"
        }
    }

    /// The reason behind the status with which the API refuses a request.
    package init(apiStatus status: Int) {
        switch status {
        case 401: self = .apiKey
        case 403: self = .origin
        case 413: self = .bodySize
        case 429: self = .rate
        default: self = .request
        }
    }
}
