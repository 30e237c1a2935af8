import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// A `ProxiedUpgrade` is a request for a WebSocket on its way through the proxy, from its head to the tunnel (RFC 6455,
/// sections 4.1 and 4.2.1). It holds no connection and no clock: it is told what happened, and says what to do next.
///
/// Two shells share it: ``UpgradeExchange`` on NIO's channels, and ``DirectHandshake`` on the sockets of a reactor.
struct ProxiedUpgrade: Sendable {
    enum Phase: Hashable, Sendable {
        /// The end of the request has not come.
        case arriving
        /// The token is being checked.
        case authenticating
        /// An upstream server is looked for, or connected to.
        case connecting
        /// The whole request is with the upstream server.
        case answering
        /// The upstream server has refused, and its answer is passed on.
        case refusing
        /// The client has been sent a 101: the connections are a tunnel.
        case open
        /// The request was refused, or one side has left.
        case over
    }

    enum Action: Sendable {
        /// There is nothing to do, or it is too late to do anything.
        case nothing
        /// Find out whose token this is; ``authenticated(_:)`` must follow.
        case authenticate(token: String)
        /// Connect to the next upstream server; ``connected(authority:)`` must follow, or ``ended(_:)``.
        case connect
        /// Send this, whole; ``sent()`` must follow.
        case send(HTTPRequestHead)
        /// Pass this answer on, and its body.
        case passRefusal(HTTPResponseHead)
        /// Answer the client with a 101 and these headers, and join the connections.
        case open(HTTPHeaders, isCompressed: Bool)
        /// Answer in place of the upstream server.
        ///
        /// - Parameter fault: what the upstream server did wrong, for its health; `nil` when it did nothing wrong.
        case fail(Refusal, fault: String?)
        /// End both connections in the middle of an answer: nothing else says that it is not whole.
        case breakOff(reason: String)
    }

    /// The result of checking a token.
    enum Authentication: Sendable {
        case user(String)
        case invalid
        /// The token cannot be checked at the moment.
        case unavailable
    }

    /// The way in which an upstream server's connection ended.
    enum End: Hashable, Sendable {
        case closed
        /// The upstream server sent something that is not valid HTTP.
        case malformed
    }

    let request: ProxiedRequest
    private(set) var phase = Phase.arriving
    private(set) var handshake: ServerHandshake?
    /// The user that the token names.
    private(set) var user: String?
    /// Subprotocols of the client's that the upstream is offered.
    private var subprotocols: [String] = []
    /// The query without the token that was taken out of it; `nil` if none was.
    private var query: String?

    init(_ request: ProxiedRequest) { self.request = request }

    private var policy: WebSocketPolicy { self.request.route.configuration.webSocket }
    private var group: String { self.request.route.group.name }

    // MARK: The request

    /// The whole request is here.
    ///
    /// - Parameter hasMore: whether the request has a body, or anything came behind it: such bytes mean one thing to a
    ///   reader that takes the upgrade for granted, and another to one that does not.
    mutating func arrived(hasMore: Bool) -> Action {
        guard self.phase == .arriving else { return .nothing }
        let request = self.request
        let headers = request.head.headers
        let handshake = Result { () throws(HandshakeFailure) in
            try ServerHandshake(isGet: request.head.method == .GET, authority: request.host) {
                headers[$0.canonicalName]
            }
        }
        let identity = request.identity
        var (decision, action) = UpgradeDecision.begin(
            .init(
                handshake: handshake, isHTTP10: request.head.isHTTP10, hasMore: hasMore,
                isSecure: identity.isClientSecure,
                head: self.policy.origin == nil
                    ? nil
                    : {
                        var head = try? HTTPRequest(request.head, secure: identity.isClientSecure, splitCookie: false)
                        if let authority = identity.authority { head?.authority = authority }
                        return head
                    }),
            .init(
                isAllowed: self.policy.isAllowed, origin: self.policy.origin, hasHook: self.policy.authenticate != nil))
        if case .admit = action { action = decision.admitted(nil) }
        if case .success(let handshake) = handshake {
            self.handshake = handshake
            self.subprotocols = handshake.offeredSubprotocols
        }
        switch action {
        case .admit: return .nothing
        case .refuse(let refusal): return self.fail(refusal)
        case .accept: return self.accepted()
        case .ask:
            guard let token = self.takeToken() else {
                return self.fail(Refusal(.unauthorized, "a token is needed", [.wwwAuthenticate: "Bearer"]))
            }
            self.phase = .authenticating
            return .authenticate(token: token)
        }
    }

    /// The token has been checked.
    mutating func authenticated(_ authentication: Authentication) -> Action {
        guard self.phase == .authenticating else { return .nothing }
        switch authentication {
        case .unavailable:
            return self.fail(
                Refusal(.serviceUnavailable, "tokens cannot be checked at the moment", [.retryAfter: "5"]))
        // A user name that may not stand in a header is treated as an invalid token.
        case .user(let user)
        where self.policy.authenticate?.userHeader.map { HeaderRules.Field($0, user) != nil } ?? true:
            self.user = user
            return self.accepted()
        case .user, .invalid:
            return self.fail(
                Refusal(
                    .unauthorized, "the token is not valid", [.wwwAuthenticate: "Bearer error=\"invalid_token\""]))
        }
    }

    private mutating func accepted() -> Action {
        if let allowed = self.policy.subprotocols {
            let offered = self.subprotocols
            self.subprotocols = offered.filter(allowed.contains)
            guard !self.subprotocols.isEmpty || offered.isEmpty else {
                return self.fail(Refusal(.badRequest, "none of the offered subprotocols is allowed here"))
            }
        }
        self.phase = .connecting
        return .connect
    }

    /// Returns the token of `Authorization: Bearer`, the subprotocol `bearer.TOKEN` or the query's `token`; the last
    /// two are taken out.
    private mutating func takeToken() -> String? {
        let fields = self.request.head.headers["authorization"]
        if let token = fields.lazy.compactMap(RequestValues.bearerToken).first { return token }
        if let index = self.subprotocols.firstIndex(where: { $0.hasPrefix("bearer.") }) {
            let token = String(self.subprotocols.remove(at: index).dropFirst("bearer.".count))
            return token.isEmpty ? nil : token
        }
        guard let token = RequestValues.query("token", in: self.request.target.query), !token.isEmpty else {
            return nil
        }
        self.query = RequestValues.removing("token", from: self.request.target.query)
        return token
    }

    // MARK: The upstream server

    /// A connection to an upstream server is there.
    ///
    /// - Parameter authority: the server's host and port, for a route that puts them into Host.
    mutating func connected(authority: String?) -> Action {
        guard self.phase == .connecting else { return .nothing }
        return .send(self.upstreamHead(authority: authority))
    }

    /// The whole request is with the upstream server.
    mutating func sent() { if self.phase == .connecting { self.phase = .answering } }

    private func upstreamHead(authority: String?) -> HTTPRequestHead {
        var head = self.request.upstreamHead(authority: authority)
        head.headers.remove(name: "content-length")
        head.headers.add(name: "Connection", value: "Upgrade")
        head.headers.add(name: "Upgrade", value: "websocket")
        head.headers.remove(name: "sec-websocket-protocol")
        if !self.subprotocols.isEmpty {
            head.headers.add(name: "Sec-WebSocket-Protocol", value: self.subprotocols.joined(separator: ", "))
        }
        if self.policy.isCompressed { head.headers.remove(name: "sec-websocket-extensions") }
        if let query = self.query {
            head.uri = String(head.uri.prefix { $0 != "?" }) + query
            head.headers.remove(name: "referer")  // the page's own URL may hold the token as well
        }
        if let name = self.policy.authenticate?.userHeader, let user = self.user {
            head.headers.add(name: name, value: user)
        }
        return head
    }

    /// The head of an answer has come from the upstream server.
    mutating func answered(_ head: HTTPResponseHead) -> Action {
        guard self.phase == .answering else { return .nothing }
        guard head.status == .switchingProtocols else {
            if head.status.code < 200 { return .nothing }  // what follows an interim answer may be a 101
            self.phase = .refusing
            return .passRefusal(self.refusal(head))
        }
        if let fault = self.fault(of: head) {
            return self.fail(
                Refusal(.badGateway, "the upstream \(self.group) answered the opening handshake wrongly: \(fault)"),
                fault: "wrong handshake")
        }
        self.phase = .open
        return .open(
            self.openingHeaders(head), isCompressed: head.headers.contains(name: "sec-websocket-extensions"))
    }

    /// The end of the upstream server's answer, which refuses, has come.
    mutating func refusalEnded() { if self.phase == .refusing { self.phase = .over } }

    /// The upstream server's connection has ended.
    mutating func ended(_ end: End) -> Action {
        switch self.phase {
        case .refusing:
            self.phase = .over
            return .breakOff(reason: "the upstream broke off its answer")
        case .answering, .connecting:
            return self.fail(
                Refusal(
                    .badGateway,
                    end == .malformed
                        ? "the answer of the upstream \(self.group) is not valid HTTP"
                        : "the upstream \(self.group) ended the connection without an answer"),
                fault: end == .malformed ? "malformed answer" : "connection closed")
        case .arriving, .authenticating, .open, .over: return .nothing
        }
    }

    /// The time for the upstream server's answer, or for the check of the token, is over.
    mutating func timedOut() -> Action {
        switch self.phase {
        case .refusing:
            self.phase = .over
            return .breakOff(reason: "the answer stalled")
        case .answering, .connecting:
            return self.fail(
                Refusal(.gatewayTimeout, "the upstream \(self.group) did not answer the opening handshake in time"),
                fault: "response timeout")
        case .authenticating:
            return self.fail(
                Refusal(.serviceUnavailable, "the token could not be checked in time", [.retryAfter: "5"]))
        case .arriving, .open, .over: return .nothing
        }
    }

    /// The client has left, or has been answered otherwise.
    mutating func abandoned() { if self.phase != .open { self.phase = .over } }

    private mutating func fail(_ refusal: Refusal, fault: String? = nil) -> Action {
        self.phase = .over
        return .fail(refusal, fault: fault)
    }

    // MARK: Its answer

    /// Returns the head for the client of an answer that refuses.
    private func refusal(_ head: HTTPResponseHead) -> HTTPResponseHead {
        var headers = self.request.clientHeaders(head)
        // RFC 9110, section 7.8: 426 says in Upgrade what it wants.
        if head.status == .upgradeRequired { headers.add(name: "Upgrade", value: "websocket") }
        let mayHaveBody = head.status.code != 204 && head.status.code != 304
        if mayHaveBody, !headers.contains(name: "content-length") {
            headers.add(name: "Transfer-Encoding", value: "chunked")
        }
        return HTTPResponseHead(version: .http1_1, status: head.status, headers: headers)
    }

    /// Describes what is wrong with a 101 (RFC 6455, section 4.1); `nil` if nothing is.
    private func fault(of head: HTTPResponseHead) -> String? {
        let headers = head.headers
        let upgrade = headers["upgrade"]
        guard upgrade == ["websocket"] || upgrade.count == 1 && upgrade[0].lowercased() == "websocket" else {
            return "the header Upgrade is not websocket"
        }
        guard headers.lists("upgrade", in: "connection") else {
            return "the header Connection lacks Upgrade"
        }
        guard headers["sec-websocket-accept"] == [self.handshake?.key?.accept ?? ""] else {
            return "Sec-WebSocket-Accept does not answer the key"
        }
        guard !headers.contains(name: "transfer-encoding"),
            headers["content-length"].allSatisfy({ BodyFraming.length($0) == 0 })
        else { return "a 101 has no body" }
        if headers.contains(name: "sec-websocket-protocol") {
            let chosen = headers[canonicalForm: "sec-websocket-protocol"]
            guard chosen.count <= 1, chosen.allSatisfy({ self.subprotocols.contains(String($0)) }) else {
                return "a subprotocol was chosen that was not offered"
            }
        }
        let offersExtensions =
            self.request.head.headers.contains(name: "sec-websocket-extensions") && !self.policy.isCompressed
        guard offersExtensions || !headers.contains(name: "sec-websocket-extensions") else {
            return "an extension was chosen that was not offered"
        }
        return nil
    }

    /// Returns the headers of the 101 for the client.
    private func openingHeaders(_ head: HTTPResponseHead) -> HTTPHeaders {
        var headers = self.request.clientHeaders(head)
        headers.remove(name: "content-length")
        headers.add(name: "Connection", value: "Upgrade")
        headers.add(name: "Upgrade", value: "websocket")
        return headers
    }
}
