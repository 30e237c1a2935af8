import MartletWebSocket
import NIOHTTP1

/// What `POST /push` is answered once its body has been looked at.
enum PushAnswer {
    case illegal
    case accepted(Int, isJSON: Bool)

    var answer: RequestEndpoint.Answer {
        switch self {
        case .illegal:
            .init(.badRequest, contentType: "text/plain; charset=utf-8", body: "request data illegal")
        case .accepted(let count, isJSON: false):
            .init(contentType: "text/plain; charset=utf-8", body: "message sent to \(count) clients")
        case .accepted(let count, isJSON: true):
            .init(contentType: "application/json", body: #"{"delivered":\#(count)}"#)
        }
    }

    static func isJSONWanted(_ accept: [String]) -> Bool {
        accept.contains { $0.lowercased().hasPrefix("application/json") }
    }
}
