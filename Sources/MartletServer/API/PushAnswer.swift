import MartletPush
import MartletWebSocket
import NIOHTTP1

/// The answer to `POST /push` once its body has been looked at.
enum PushAnswer {
    /// - Parameter reason: for clients that accept JSON; `nil` for the text of the original service.
    case illegal(_ reason: String?)
    /// The client's address has shown too many wrong keys.
    case tooMany(_ seconds: Int, isJSON: Bool)
    case accepted(Int, isJSON: Bool)
    /// No session took the message, and its history ends with this process: sent again, the next process may deliver
    /// it.
    case stopping(isJSON: Bool)
    /// The broker did not confirm it.
    case failed(BrokerError, isJSON: Bool)

    /// The time after which a back end may try again, in seconds.
    private static let retryAfter = 1
    /// The texts for small numbers of clients.
    private static let fewClients = (0...16).map { Self.text($0) }

    var answer: RequestEndpoint.Answer {
        switch self {
        case .illegal(nil):
            .init(.badRequest, contentType: "text/plain; charset=utf-8", body: "request data illegal")
        case .illegal(let reason?):
            .init(.badRequest, contentType: "application/json", body: #"{"error":\#(JSONText.string(reason))}"#)
        case .tooMany(let seconds, let isJSON):
            Self.refusal(.tooManyRequests, "too many wrong API keys", retryAfter: seconds, isJSON)
        case .accepted(let count, isJSON: false):
            .init(
                contentType: "text/plain; charset=utf-8",
                body: count < Self.fewClients.count ? Self.fewClients[count] : Self.text(count))
        case .accepted(let count, isJSON: true):
            .init(contentType: "application/json", body: #"{"delivered":\#(count)}"#)
        case .failed(let error, let isJSON):
            Self.refusal(.serviceUnavailable, Self.reason(error), retryAfter: Self.retryAfter, isJSON)
        case .stopping(let isJSON):
            Self.refusal(.serviceUnavailable, Self.stop, retryAfter: Self.retryAfter, isJSON)
        }
    }

    private static let stop = "the service is about to stop, and no session took this: send it again"

    /// - Parameter retryAfter: seconds.
    private static func refusal(
        _ status: HTTPResponseStatus, _ reason: String, retryAfter: Int, _ isJSON: Bool
    ) -> RequestEndpoint.Answer {
        .init(
            status, contentType: isJSON ? "application/json" : "text/plain; charset=utf-8",
            body: isJSON ? #"{"error":\#(JSONText.string(reason))}"# : reason, retryAfter: retryAfter)
    }

    /// - Parameter limiter: closed once the service takes no more clients.
    static func of(_ delivered: Int, isJSON: Bool, _ limiter: ConnectionLimiter) -> PushAnswer {
        delivered == 0 && limiter.isClosed ? .stopping(isJSON: isJSON) : .accepted(delivered, isJSON: isJSON)
    }

    /// The text that says what a back end is to do about a publication that was not confirmed.
    static func reason(_ error: BrokerError) -> String {
        error.mayHaveHappened
            ? "it is not known whether the message was published: sent again, it may come twice"
            : "the message was not published: send it again"
    }

    /// - Parameter limiter: closed once the service takes no more clients.
    static func of(
        _ outcome: Result<PublishResult, BrokerError>, isJSON: Bool, _ limiter: ConnectionLimiter
    ) -> PushAnswer {
        switch outcome {
        case .success(let result): .of(result.delivered, isJSON: isJSON, limiter)
        case .failure(let error): .failed(error, isJSON: isJSON)
        }
    }

    private static func text(_ count: Int) -> String { "message sent to \(count) clients" }

    static func isJSONWanted(_ accept: [String]) -> Bool {
        accept.contains { $0.lowercased().hasPrefix("application/json") }
    }
}
