import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

extension UpgradeDecisionFixture {
    /// The checks in their order.
    enum Check: Int, CaseIterable, Sendable {
        case handshake
        case version
        case more
        case allowed
        case head
        case origin

        /// Makes a request of HTTP/1.1 fail this check.
        func spoil(_ candidate: inout UpgradeDecision.Candidate, _ rules: inout UpgradeDecision.Rules) {
            switch self {
            case .handshake:
                candidate.handshake = .failure(HandshakeFailure(code: .badRequest, reason: "no", status: 400))
            case .version: candidate.isHTTP10 = true
            case .more: candidate.hasMore = true
            case .allowed: rules.isAllowed = false
            case .head:
                rules.origin = rules.origin ?? .sameHost
                candidate.head = { nil }
            case .origin: rules.origin = .custom { _, _ in false }
            }
        }

        var refusal: Refusal {
            switch self {
            case .handshake: Refusal(.badRequest, "no")
            case .version: Refusal(.badRequest, "a WebSocket needs HTTP/1.1 or later", mayStay: false)
            case .more: Refusal(.badRequest, "an opening handshake must not have a body or anything after it")
            case .allowed: Refusal(.forbidden, "WebSockets are not allowed here")
            case .head: Refusal(.badRequest, "the request is malformed")
            case .origin: UpgradeDecisionFixture.wrongOrigin("")
            }
        }
    }
}
