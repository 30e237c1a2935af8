// The demands of endpoints on requests.
import HTTPTypes
import MartletHTTP

extension UpgradeDecision.Rules {
    init(_ endpoint: WebSocketEndpoint) {
        self.init(
            origin: endpoint.origin, subprotocols: endpoint.subprotocols,
            compression: endpoint.configuration.compression, hasHook: endpoint.authorize != nil)
    }

    /// Creates the rules of a stream's endpoint, which is always asked, since it chooses its handler.
    init(_ endpoint: StreamEndpoint) { self.init(origin: endpoint.origin, hasHook: true) }
}

extension WebSocketAuthorization {
    /// The authorization as an answer for an ``UpgradeDecision``.
    var answer: UpgradeDecision.Answer {
        switch self.decision {
        case .allow(let fields): .allow(fields)
        case .refuse(let status, let fields, let reason): .refuse(Refusal(status, reason, fields))
        case .proceed(let endpoint, let fields): .proceed(.init(endpoint), fields)
        }
    }

    /// The endpoint that the hook has chosen.
    var chosenEndpoint: WebSocketEndpoint? {
        if case .proceed(let endpoint, _) = self.decision { endpoint } else { nil }
    }
}
