package import HTTPTypes
package import MartletHTTP
package import MartletProtocol

/// An `UpgradeDecision` is the one place that decides whether a request becomes a WebSocket or a stream, and how it is
/// answered if not. HTTP/1.1, HTTP/2, the proxy, server-sent events and polls all use it.
///
/// It makes the checks in a fixed order, the cheapest first: the opening handshake (RFC 6455, section 4.2.1; RFC 8441,
/// section 5), the rest of the request, the page's origin, the limits, and the endpoint's own hook. It waits for
/// nothing: it says what to ask, and is told the answer.
package struct UpgradeDecision {
    /// The demands of an endpoint on a request.
    package struct Rules: Sendable {
        /// Whether anything may be upgraded here.
        package var isAllowed: Bool
        /// The policy for origins; `nil` allows every origin.
        package var origin: OriginPolicy?
        /// Subprotocols in the order of preference; one of them is chosen, if the client offers one.
        package var subprotocols: [String]
        /// The compression that may be agreed on; `nil` for none.
        package var compression: CompressionConfiguration?
        /// Whether there is a hook to ask after all other checks.
        package var hasHook: Bool

        package init(
            isAllowed: Bool = true, origin: OriginPolicy? = nil, subprotocols: [String] = [],
            compression: CompressionConfiguration? = nil,
            hasHook: Bool = false
        ) {
            self.isAllowed = isAllowed
            self.origin = origin
            self.subprotocols = subprotocols
            self.compression = compression
            self.hasHook = hasHook
        }
    }

    /// The facts about a request that the decision needs.
    package struct Candidate {
        /// The checked opening handshake, or its failure; `nil` for a stream.
        package var handshake: Result<ServerHandshake, HandshakeFailure>?
        /// Whether it is a request of HTTP/1.0, which cannot be upgraded.
        package var isHTTP10 = false
        /// Whether it has a body, or anything came after it.
        package var hasMore = false
        /// Whether the client's connection uses TLS, as far as is known.
        package var isSecure: Bool
        /// Returns the head for origin policies, or `nil` if it cannot be read; called only if there is a policy.
        package var head: (() -> HTTPRequest?)?

        package init(
            handshake: Result<ServerHandshake, HandshakeFailure>?, isHTTP10: Bool = false, hasMore: Bool = false,
            isSecure: Bool, head: (() -> HTTPRequest?)?
        ) {
            self.handshake = handshake
            self.isHTTP10 = isHTTP10
            self.hasMore = hasMore
            self.isSecure = isSecure
            self.head = head
        }
    }

    /// The result of an opening handshake, or of a request for a stream, that is accepted.
    package struct Agreement: Sendable, Hashable {
        /// The opening handshake; `nil` for a stream.
        package let handshake: ServerHandshake?
        package let subprotocol: String?
        package let compression: DeflateParameters?
        /// Further headers of the answer.
        package let fields: HTTPFields
        private let compressionAnswer: WebSocketExtension?

        init(_ handshake: ServerHandshake?, _ rules: Rules, _ fields: HTTPFields) {
            self.handshake = handshake
            self.subprotocol = handshake?.selectSubprotocol(from: rules.subprotocols)
            self.fields = fields
            let accepted = rules.compression.flatMap {
                DeflateParameters.accept(handshake?.offeredExtensions ?? [], configuration: $0)
            }
            self.compression = accepted?.parameters
            self.compressionAnswer = accepted?.answer
        }

        /// The response to the opening handshake; `nil` for a stream, which writes its own.
        package var response: HTTPResponse? {
            self.handshake?.response(
                subprotocol: self.subprotocol, extensions: self.compressionAnswer.map { [$0] } ?? [],
                extraFields: self.fields)
        }
    }

    /// The answer of a hook.
    package enum Answer: Sendable {
        case allow(HTTPFields)
        case refuse(Refusal)
        /// The hook has chosen another endpoint, whose rules are in force.
        case proceed(Rules, HTTPFields)
    }

    package enum Action: Sendable {
        /// Ask the limiter; ``admitted(_:)`` must follow.
        case admit
        /// Ask the hook; ``answered(_:)`` must follow, or ``timedOut()``.
        case ask
        case accept(Agreement)
        case refuse(Refusal)
    }

    private enum State {
        case admitting
        case asking
        case over
    }

    private var state = State.admitting
    private var rules: Rules
    private let candidate: Candidate
    private var handshake: ServerHandshake?
    /// Whether the request was refused because of the page's origin.
    package private(set) var hasRefusedOrigin = false

    private init(_ rules: Rules, _ candidate: Candidate) {
        self.rules = rules
        self.candidate = candidate
    }

    /// Begins the decision about a request.
    package static func begin(_ candidate: Candidate, _ rules: Rules) -> (decision: UpgradeDecision, action: Action) {
        var decision = UpgradeDecision(rules, candidate)
        let action = decision.check()
        return (decision, action)
    }

    /// The subprotocol that will be chosen if nothing changes; shown to hooks.
    package var subprotocol: String? { self.handshake?.selectSubprotocol(from: self.rules.subprotocols) }

    private mutating func check() -> Action {
        switch self.candidate.handshake {
        case .success(let handshake): self.handshake = handshake
        case .failure(let failure):
            let answer = ServerHandshake.refusal(of: failure)
            return self.refuse(Refusal(answer.status, failure.reason, answer.headerFields))
        case nil: break
        }
        let isWebSocket = self.candidate.handshake != nil
        guard !isWebSocket || !self.candidate.isHTTP10 else {
            return self.refuse(Refusal(.badRequest, "a WebSocket needs HTTP/1.1 or later", mayStay: false))
        }
        guard !self.candidate.hasMore else {
            let what = isWebSocket ? "an opening handshake" : "a request for a stream"
            return self.refuse(Refusal(.badRequest, "\(what) must not have a body or anything after it"))
        }
        guard self.rules.isAllowed else { return self.refuse(Refusal(.forbidden, "WebSockets are not allowed here")) }
        if let refusal = self.checkOrigin() { return self.refuse(refusal) }
        return .admit
    }

    private mutating func checkOrigin() -> Refusal? {
        guard let origin = self.rules.origin else { return nil }
        guard let head = self.candidate.head?() else { return Refusal(.badRequest, "the request is malformed") }
        if origin.allows(head, isSecure: self.candidate.isSecure) { return nil }
        self.hasRefusedOrigin = true
        var refusal = Refusal(.forbidden, "pages of this origin may not connect here")
        // Operators who may allow it want to know which; a foreign text is cut, and reduced to visible ASCII.
        let named = head.headerFields[values: .origin].joined(separator: ", ").utf8.prefix(Self.mostOfOrigin)
        refusal.detail = String(decoding: named.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        return refusal
    }

    /// The most bytes of an origin in the log.
    private static let mostOfOrigin = 200

    /// Handles the answer of the limiter.
    ///
    /// - Parameter refusal: `nil` if the client is admitted, or there is no limiter.
    package mutating func admitted(_ refusal: Refusal?) -> Action {
        guard case .admitting = self.state else { return .refuse(Self.late) }
        if let refusal { return self.refuse(refusal) }
        guard self.rules.hasHook else { return self.accept([:]) }
        self.state = .asking
        return .ask
    }

    /// Handles the answer of the hook.
    package mutating func answered(_ answer: Answer) -> Action {
        guard case .asking = self.state else { return .refuse(Self.late) }
        switch answer {
        case .allow(let fields): return self.accept(fields)
        case .refuse(let refusal): return self.refuse(refusal)
        case .proceed(let rules, let fields):
            self.rules = rules
            if let refusal = self.checkOrigin() { return self.refuse(refusal) }
            return self.accept(fields)
        }
    }

    /// Handles the hook's failure to answer in time.
    package mutating func timedOut() -> Action {
        guard case .asking = self.state else { return .refuse(Self.late) }
        return self.refuse(Refusal(.serviceUnavailable, "the authorization took too long", [.retryAfter: "5"]))
    }

    /// The result of a late answer, which changes nothing.
    private static let late = Refusal(.serviceUnavailable, "the decision came too late")

    private mutating func accept(_ fields: HTTPFields) -> Action {
        self.state = .over
        return .accept(Agreement(self.handshake, self.rules, fields))
    }

    private mutating func refuse(_ refusal: Refusal) -> Action {
        self.state = .over
        return .refuse(refusal)
    }
}
