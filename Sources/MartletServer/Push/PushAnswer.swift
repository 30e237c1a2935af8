import MartletWebSocket
import NIOHTTP1

/// What `POST /push` is answered once its body has been looked at.
enum PushAnswer {
    case illegal
    case accepted(Int, isJSON: Bool)

    /// For the numbers of clients that a user has.
    private static let fewClients = (0...16).map { Self.text($0) }

    var answer: RequestEndpoint.Answer {
        switch self {
        case .illegal:
            .init(.badRequest, contentType: "text/plain; charset=utf-8", body: "request data illegal")
        case .accepted(let count, isJSON: false):
            .init(
                contentType: "text/plain; charset=utf-8",
                body: count < Self.fewClients.count ? Self.fewClients[count] : Self.text(count))
        case .accepted(let count, isJSON: true):
            .init(contentType: "application/json", body: #"{"delivered":\#(count)}"#)
        }
    }

    private static func text(_ count: Int) -> String { "message sent to \(count) clients" }

    static func isJSONWanted(_ accept: [String]) -> Bool {
        accept.contains { $0.lowercased().hasPrefix("application/json") }
    }
}
