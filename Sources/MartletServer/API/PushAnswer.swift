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
    case stopping
    /// The broker did not confirm it.
    case failed(BrokerError)

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
        case .tooMany(let seconds, isJSON: false):
            .init(
                .tooManyRequests, contentType: "text/plain; charset=utf-8", body: "too many wrong API keys",
                retryAfter: seconds)
        case .tooMany(let seconds, isJSON: true):
            .init(
                .tooManyRequests, contentType: "application/json", body: #"{"error":"too many wrong API keys"}"#,
                retryAfter: seconds)
        case .accepted(let count, isJSON: false):
            .init(
                contentType: "text/plain; charset=utf-8",
                body: count < Self.fewClients.count ? Self.fewClients[count] : Self.text(count))
        case .accepted(let count, isJSON: true):
            .init(contentType: "application/json", body: #"{"delivered":\#(count)}"#)
        case .failed(let error):
            .init(
                .serviceUnavailable, contentType: "text/plain; charset=utf-8", body: Self.reason(error),
                retryAfter: Self.retryAfter)
        case .stopping:
            .init(
                .serviceUnavailable, contentType: "text/plain; charset=utf-8",
                body: "the service is about to stop, and no session took this: send it again",
                retryAfter: Self.retryAfter)
        }
    }

    /// - Parameter limiter: closed once the service takes no more clients.
    static func of(_ delivered: Int, isJSON: Bool, _ limiter: ConnectionLimiter) -> PushAnswer {
        delivered == 0 && limiter.isClosed ? .stopping : .accepted(delivered, isJSON: isJSON)
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
        case .failure(let error): .failed(error)
        }
    }

    private static func text(_ count: Int) -> String { "message sent to \(count) clients" }

    static func isJSONWanted(_ accept: [String]) -> Bool {
        accept.contains { $0.lowercased().hasPrefix("application/json") }
    }
}
