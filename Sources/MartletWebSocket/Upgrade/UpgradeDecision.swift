package import HTTPTypes
package import MartletHTTP
package import MartletProtocol

/// An `UpgradeDecision` is the one place where it is decided whether a request becomes a WebSocket or a stream, and what it is
/// told if not. HTTP/1.1, HTTP/2, the proxy, server-sent events and polls all ask it.
///
/// It goes through the checks in one order, the cheapest first: the opening handshake (RFC 6455, section 4.2.1; RFC 8441,
/// section 5), what stands around it, the page's origin, the limits, and the endpoint's own hook. It waits for nothing: it says
/// what to ask, and is told the answer.
package struct UpgradeDecision {
    /// What an endpoint demands.
    package struct Rules: Sendable {
        /// Whether anything may be upgraded here at all.
        package var isAllowed: Bool
        /// `nil` for every origin.
        package var origin: OriginPolicy?
        /// Subprotocols in the order of preference; one of them is chosen, if the client offers one.
        package var subprotocols: [String]
        /// What may be agreed on; `nil` for no compression.
        package var compression: CompressionConfiguration?
        /// Whether there is somebody to ask behind all other checks.
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

    /// What is known of a request.
    package struct Candidate {
        /// The checked opening handshake, or what is wrong with it; `nil` for a stream.
        package var handshake: Result<ServerHandshake, HandshakeFailure>?
        /// Whether it is a request of HTTP/1.0, in which nothing can be upgraded.
        package var isHTTP10 = false
        /// Whether it has a body, or anything came behind it.
        package var hasMore = false
        /// Whether the client's connection is TLS, as far as is known.
        package var isSecure: Bool
        /// The head as origin policies see it, which is `nil` for one that cannot be read; only asked for where there is a policy.
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

    /// What was agreed on with a client that is let in.
    package struct Agreement: Sendable, Hashable {
        /// `nil` for a stream.
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

        /// The answer to the handshake; `nil` for a stream, which writes its own.
        package var response: HTTPResponse? {
            self.handshake?.response(
                subprotocol: self.subprotocol, extensions: self.compressionAnswer.map { [$0] } ?? [],
                extraFields: self.fields)
        }
    }

    /// What a hook says.
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
    /// Whether the page's origin is why the request was refused.
    package private(set) var hasRefusedOrigin = false

    private init(_ rules: Rules, _ candidate: Candidate) {
        self.rules = rules
        self.candidate = candidate
    }

    /// Begins with a request.
    package static func begin(_ candidate: Candidate, _ rules: Rules) -> (decision: UpgradeDecision, action: Action) {
        var decision = UpgradeDecision(rules, candidate)
        let action = decision.check()
        return (decision, action)
    }

    /// The subprotocol that is chosen if nothing changes: for hooks to see.
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
            let what = isWebSocket ? "WebSocket handshake" : "request for a stream"
            return self.refuse(Refusal(.badRequest, "a \(what) has no body and nothing behind it"))
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
        // Whoever may let it in wants to know which; a stranger's text is cut, and nothing but visible ASCII.
        let named = head.headerFields[values: .origin].joined(separator: ", ").utf8.prefix(Self.mostOfOrigin)
        refusal.detail = String(decoding: named.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        return refusal
    }

    /// Bytes of an origin that the log is told.
    private static let mostOfOrigin = 200

    /// The limiter has been asked.
    ///
    /// - Parameter refusal: `nil` when the client is let in, or there is no limiter.
    package mutating func admitted(_ refusal: Refusal?) -> Action {
        guard case .admitting = self.state else { return .refuse(Self.late) }
        if let refusal { return self.refuse(refusal) }
        guard self.rules.hasHook else { return self.accept([:]) }
        self.state = .asking
        return .ask
    }

    /// The hook has answered.
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

    /// The hook has not answered in time.
    package mutating func timedOut() -> Action {
        guard case .asking = self.state else { return .refuse(Self.late) }
        return self.refuse(Refusal(.serviceUnavailable, "the authorization took too long", [.retryAfter: "5"]))
    }

    /// An answer that nobody waits for any more changes nothing.
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
