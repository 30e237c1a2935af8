import HTTPTypes
import Hummingbird
import MartletPush
import MartletService

/// The form in which a refusal is told: each endpoint has its own, and clients match it.
enum APIAnswerStyle {
    /// `{"error":{"code":…,"message":"…"}}`, of `/api`.
    case command
    /// `{"error":"…"}`, of `/push` and `/drop` for clients that accept JSON.
    case json
    /// The texts of the original service, of `/push` and `/drop`.
    case plain

    init(_ request: Request) {
        if request.uri.path.split(separator: "/").first == "api" {
            self = .command
        } else {
            self = PushAnswer.isJSONWanted(request.headers[values: .accept]) ? .json : .plain
        }
    }

    /// - Parameters:
    ///   - reason: the reason, for people.
    ///   - text: what stands in its place in a plain answer; `nil` for the reason itself.
    func response(_ status: HTTPResponse.Status, _ reason: String, plain text: String?) -> Response {
        switch self {
        case .command:
            .text(
                APIReply(outcome: .error(APIError(code: Self.code(of: status), message: reason))).json,
                status: status, contentType: "application/json")
        case .json:
            .text(#"{"error":\#(JSONText.string(reason))}"#, status: status, contentType: "application/json")
        case .plain:
            if let text, text.isEmpty { Response(status: status) } else { .text(text ?? reason, status: status) }
        }
    }

    /// The codes of Centrifugo's API, as far as there is one.
    private static func code(of status: HTTPResponse.Status) -> Int {
        switch status {
        case .unauthorized: 101
        case .forbidden: 103
        case .contentTooLarge: 106
        case .tooManyRequests: 111
        default: 107
        }
    }
}
