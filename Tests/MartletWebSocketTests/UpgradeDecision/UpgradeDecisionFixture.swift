import HTTPTypes
import MartletHTTP
import MartletProtocol
import Testing

@testable import MartletWebSocket

/// The requests, checks and stages that all suites about ``UpgradeDecision`` need.
enum UpgradeDecisionFixture {
    /// A version of HTTP, as far as opening handshakes differ.
    enum Transport: CaseIterable {
        /// `GET` over HTTP/1.1.
        case http1
        /// An extended CONNECT over HTTP/2.
        case http2

        var request: HTTPRequest {
            switch self {
            case .http1:
                return HTTPRequest(
                    method: .get, scheme: "http", authority: "example.com", path: "/ws",
                    headerFields: [
                        .upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13",
                        .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
                    ])
            case .http2:
                var request = HTTPRequest(
                    method: .connect, scheme: "https", authority: "example.com", path: "/ws",
                    headerFields: [.secWebSocketVersion: "13"])
                request.extendedConnectProtocol = "websocket"
                return request
            }
        }

        func handshake(_ request: HTTPRequest) -> Result<ServerHandshake, HandshakeFailure> {
            Result { () throws(HandshakeFailure) in
                switch self {
                case .http1: try ServerHandshake(request: request)
                case .http2: try ServerHandshake(extendedConnect: request)
                }
            }
        }
    }

    static func candidate(
        _ transport: Transport = .http1, _ change: (inout HTTPRequest) -> Void = { _ in }
    ) -> UpgradeDecision.Candidate {
        var request = transport.request
        change(&request)
        return .init(
            handshake: transport.handshake(request), isSecure: transport == .http2, head: { [request] in request })
    }

    /// A request for a stream.
    static func stream(_ origin: String? = nil) -> UpgradeDecision.Candidate {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "example.com", path: "/sse")
        request.headerFields[.origin] = origin
        return .init(handshake: nil, isSecure: false, head: { [request] in request })
    }

    /// - Parameter origin: the origin as it is logged.
    static func wrongOrigin(_ origin: String) -> Refusal {
        var refusal = Refusal(.forbidden, "pages of this origin may not connect here")
        refusal.detail = origin
        return refusal
    }

    static func refusal(_ action: UpgradeDecision.Action) -> Refusal? {
        if case .refuse(let refusal) = action { refusal } else { nil }
    }

    static func agreement(_ action: UpgradeDecision.Action) -> UpgradeDecision.Agreement? {
        if case .accept(let agreement) = action { agreement } else { nil }
    }

    /// Returns the agreement with a client that is admitted without a hook.
    static func agree(
        _ candidate: UpgradeDecision.Candidate, _ rules: UpgradeDecision.Rules = .init()
    ) throws -> UpgradeDecision.Agreement {
        var (decision, action) = UpgradeDecision.begin(candidate, rules)
        guard case .admit = action else { throw Unexpected(action: action) }
        action = decision.admitted(nil)
        guard let agreement = Self.agreement(action) else { throw Unexpected(action: action) }
        return agreement
    }

    private struct Unexpected: Error {
        let action: UpgradeDecision.Action
    }

    /// A stage of a decision; the stages follow each other in this order.
    enum Stage: CaseIterable {
        case admitting
        case asking
        case over
    }

    /// Returns the stage of a decision, seen from outside.
    static func stage(of decision: UpgradeDecision) -> Stage {
        var copy = decision
        switch copy.admitted(nil) {
        case .ask, .accept: return .admitting
        case .admit, .refuse: break
        }
        copy = decision
        if case .accept = copy.answered(.allow([:])) { return .asking }
        return .over
    }

    /// Returns a decision that is in a stage, for a valid request.
    static func decision(_ stage: Stage, _ candidate: UpgradeDecision.Candidate) -> UpgradeDecision {
        var decision = UpgradeDecision.begin(candidate, .init(hasHook: true)).decision
        if stage != .admitting { _ = decision.admitted(nil) }
        if stage == .over { _ = decision.answered(.allow([:])) }
        return decision
    }
}
