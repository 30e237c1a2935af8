import HTTPTypes
import MartletProtocol
import MartletWebSocket
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// A request for a WebSocket. Only when it is a correct one, and the upstream answers it as RFC 6455, section 4.1 demands,
/// does anything but HTTP go over the connection.
final class UpgradeExchange: Exchange, UpstreamConnection.User {
    private var upstream: UpstreamConnection?
    private var requestComplete = false
    private var handshake: ServerHandshake?
    private var subprotocols: [String] = []
    /// What the query becomes when a token is taken out of it.
    private var query: String?
    private var user: String?
    private var refusal: HTTPResponseHead?
    private var timer: ActivityTimer?

    override var isRequestComplete: Bool { self.requestComplete }
    override var hasBegunAnswer: Bool { self.refusal != nil }
    override var isForUpgrade: Bool { true }
    private var policy: WebSocketPolicy { self.route.configuration.webSocket }

    // MARK: The request

    override func received(_ part: HTTPServerRequestPart) {
        switch part {
        case .head: break
        case .body: self.entry.bytesReceived += 1
        case .end:
            self.requestComplete = true
            self.check()
        }
    }

    override var mayReadClient: Bool { !self.requestComplete }

    private func check() {
        let headers = self.head.headers
        guard !self.head.isHTTP10 else {
            self.fail(.badRequest, "a WebSocket needs HTTP/1.1", keepAlive: false)
            return
        }
        guard self.entry.bytesReceived == 0, !headers.contains(name: "transfer-encoding"),
            headers.first(name: "content-length").map({ $0 == "0" }) ?? true
        else {
            self.entry.bytesReceived = 0
            self.fail(.badRequest, "a request for a WebSocket has no body", keepAlive: false)
            return
        }
        self.client.removeDecoder { leftovers in
            guard !self.isOver else { return }
            guard leftovers == 0 else {
                // They could be meant for whoever believes in the upgrade, or for whoever does not.
                self.fail(
                    .badRequest, "bytes came behind a request for a WebSocket, before its answer", keepAlive: false)
                return
            }
            self.checkHandshake()
        }
    }

    private func checkHandshake() {
        guard let request = try? HTTPRequest(self.head, secure: self.client.isSecure, splitCookie: false) else {
            self.fail(.badRequest, "the request is malformed")
            return
        }
        do {
            let handshake = try ServerHandshake(request: request)
            self.handshake = handshake
            self.subprotocols = handshake.offeredSubprotocols
        } catch {
            let answer = ServerHandshake.refusal(of: error)
            self.fail(
                .init(statusCode: answer.status.code), error.reason, headers: HTTPHeaders(answer.headerFields))
            return
        }
        guard self.policy.isAllowed else {
            self.fail(.forbidden, "WebSockets are not allowed here")
            return
        }
        if let origin = self.policy.origin, !origin.allows(request, isSecure: self.client.isSecure) {
            self.fail(.forbidden, "pages of this origin may not connect")
            return
        }
        guard let authentication = self.policy.authenticate else {
            self.goOn()
            return
        }
        self.authenticate(authentication)
    }

    private func authenticate(_ authentication: WebSocketPolicy.Authentication) {
        guard let token = self.takeToken() else {
            self.fail(.unauthorized, "a token is needed", headers: ["WWW-Authenticate": "Bearer"])
            return
        }
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        let eventLoop = self.loop.eventLoop
        eventLoop.makeFutureWithTask { await authentication.user(token) }.whenComplete { result in
            let exchange = bound.value
            guard !exchange.isOver else { return }
            guard case .success(let user?) = result,
                authentication.userHeader.map({ HeaderRules.Field($0, user) != nil }) ?? true
            else {
                exchange.fail(
                    .unauthorized, "the token is not valid",
                    headers: ["WWW-Authenticate": "Bearer error=\"invalid_token\""])
                return
            }
            exchange.user = user
            exchange.entry.user = user
            exchange.goOn()
        }
    }

    /// Of `Authorization: Bearer`, the subprotocol `bearer.TOKEN` or the query's `token`; the last two are taken out.
    private func takeToken() -> String? {
        if let field = self.head.headers.first(name: "authorization") {
            let parts = field.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" { return String(parts[1]) }
        }
        if let index = self.subprotocols.firstIndex(where: { $0.hasPrefix("bearer.") }) {
            return String(self.subprotocols.remove(at: index).dropFirst("bearer.".count))
        }
        guard let token = RequestValues.query("token", in: self.target.query) else { return nil }
        self.query = RequestValues.removing("token", from: self.target.query)
        return token
    }

    private func goOn() {
        if let allowed = self.policy.subprotocols {
            let offered = self.subprotocols
            self.subprotocols = offered.filter(allowed.contains)
            guard !self.subprotocols.isEmpty || offered.isEmpty else {
                self.fail(.badRequest, "none of the offered subprotocols is allowed here")
                return
            }
        }
        self.timer = ActivityTimer(self.route.configuration.responseTimeout, on: self.loop.eventLoop) { [weak self] in
            self?.timedOut()
        }
        self.connect()
    }

    private func timedOut() {
        guard self.refusal == nil else {
            self.entry.reason = "the answer stalled"
            self.breakOff()
            return
        }
        self.endpointFailed("response timeout")
        self.fail(.gatewayTimeout, "the upstream \(self.route.group.name) did not answer the handshake in time")
    }

    override func clientGone() {
        self.entry.status = 499
        self.entry.reason = "the client left"
        self.end()
        self.settle()
    }

    /// The client sees the connection end in the middle: nothing else says that an answer is not whole.
    private func breakOff() {
        self.end()
        let client = self.client
        self.settle()
        client.abort()
    }

    private func end() {
        self.timer?.stop()
        self.timer = nil
        self.upstream?.close()
        self.upstream = nil
    }

    override func fail(
        _ status: HTTPResponseStatus, _ reason: String, headers: HTTPHeaders = [:], keepAlive: Bool = true
    ) {
        self.end()
        if self.requestComplete, keepAlive, self.client.leftovers != nil { self.client.restoreDecoder() }
        super.fail(status, reason, headers: headers, keepAlive: keepAlive)
    }

    // MARK: The upstream

    override func connected(_ connection: UpstreamConnection) {
        self.upstream = connection
        connection.user = self
        var head = self.upstreamHead()
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
            if head.headers.first(name: "authorization") == nil { head.headers.remove(name: "referer") }
        }
        if let name = self.policy.authenticate?.userHeader {
            if let user = self.user { head.headers.add(name: name, value: user) }
        }
        connection.write(.head(head))
        connection.write(.end(nil))
        connection.flush()
        self.sentAt = .now()
    }

    var mayReadUpstream: Bool { self.client.isWritable }
    func upstreamWritabilityChanged() {}
    override func clientWritabilityChanged() { self.upstream?.readIfHeldBack() }

    func upstreamReceived(_ part: HTTPClientResponsePart) {
        guard !self.isOver else { return }
        self.timer?.touch()
        switch part {
        case .head(let head) where head.status == .switchingProtocols:
            self.refusal = nil
            self.judge(head)
        case .head(let head) where head.status.code < 200:
            self.upstream?.passedInterimAnswer()
        case .head(let head):
            self.passRefusal(head)
        case .body(let bytes):
            guard self.refusal != nil else { return }
            self.entry.bytesSent += bytes.readableBytes
            self.client.write(.body(.byteBuffer(bytes)))
        case .end:
            guard self.refusal != nil else { return }
            self.finishRefusal()
        }
    }

    func upstreamReadComplete() {
        if !self.isOver, self.refusal != nil { self.client.flush() }
    }

    func upstreamEnded(_ error: (any Error)?) {
        guard !self.isOver else { return }
        self.upstream = nil
        guard self.refusal == nil else {
            self.entry.reason = "the upstream broke off its answer"
            self.breakOff()
            return
        }
        self.endpointFailed(error == nil ? "connection closed" : "malformed answer", error)
        self.fail(
            .badGateway,
            error is HTTPParserError
                ? "the answer of the upstream \(self.route.group.name) is not valid HTTP"
                : "the upstream \(self.route.group.name) ended the connection without an answer")
    }

    // MARK: Its answer is plain HTTP

    private func passRefusal(_ head: HTTPResponseHead) {
        self.endpoint?.succeeded()
        self.upstream?.stopExpectingUpgrade()
        self.refusal = head
        self.entry.status = Int(head.status.code)
        if let sentAt = self.sentAt { self.entry.upstreamDuration = (NIODeadline.now() - sentAt).nanoseconds }
        var headers = self.clientHeaders(head)
        // RFC 9110, section 7.8: 426 says in Upgrade what it wants.
        if head.status == .upgradeRequired { headers.add(name: "Upgrade", value: "websocket") }
        let mayHaveBody = head.status.code != 204 && head.status.code != 304
        if mayHaveBody, !headers.contains(name: "content-length") {
            headers.add(name: "Transfer-Encoding", value: "chunked")
        }
        self.client.restoreDecoder()
        self.client.addConnectionHeader(&headers, keepAlive: self.keepsAlive)
        self.client.write(.head(.init(version: .http1_1, status: head.status, headers: headers)))
    }

    private var keepsAlive: Bool { self.head.isKeepAlive && !self.loop.core.isDraining }

    private func finishRefusal() {
        self.client.write(.end(nil))
        self.client.flush()
        self.end()
        self.settle()
        self.client.finished(self, keepAlive: self.keepsAlive)
    }

    // MARK: Its answer is 101

    private func judge(_ head: HTTPResponseHead) {
        guard let handshake = self.handshake, let upstream = self.upstream else { return }
        if let fault = self.fault(of: head, handshake) {
            self.endpointFailed("wrong handshake")
            self.fail(.badGateway, "the upstream \(self.route.group.name) answered the handshake wrongly: \(fault)")
            return
        }
        self.endpoint?.succeeded()
        self.timer?.stop()
        self.timer = nil
        if let sentAt = self.sentAt { self.entry.upstreamDuration = (NIODeadline.now() - sentAt).nanoseconds }
        self.upstream = nil
        let isCompressed = head.headers.contains(name: "sec-websocket-extensions")
        let bytes = upstream.takeBytesBehindUpgrade()
        var headers = self.clientHeaders(head)
        headers.remove(name: "content-length")
        headers.add(name: "Connection", value: "Upgrade")
        headers.add(name: "Upgrade", value: "websocket")
        let upgrade = Upgrade(
            exchange: self, client: self.client, upstream: upstream, handshake: handshake,
            bytesFromUpstream: bytes, isCompressed: isCompressed)
        upgrade.begin(headers)
    }

    private func fault(of head: HTTPResponseHead, _ handshake: ServerHandshake) -> String? {
        let headers = head.headers
        guard headers["upgrade"].map({ $0.lowercased() }) == ["websocket"] else {
            return "the header Upgrade is not websocket"
        }
        guard headers.lists("upgrade", in: "connection") else {
            return "the header Connection lacks Upgrade"
        }
        guard headers["sec-websocket-accept"] == [handshake.key?.accept ?? ""] else {
            return "Sec-WebSocket-Accept does not answer the key"
        }
        guard !headers.contains(name: "transfer-encoding"),
            headers.first(name: "content-length").map({ $0 == "0" }) ?? true
        else { return "a 101 has no body" }
        let chosen = headers[canonicalForm: "sec-websocket-protocol"]
        guard chosen.count <= 1, chosen.allSatisfy({ self.subprotocols.contains(String($0)) }) else {
            return "a subprotocol was chosen that was not offered"
        }
        let offersExtensions = self.head.headers.contains(name: "sec-websocket-extensions") && !self.policy.isCompressed
        guard offersExtensions || !headers.contains(name: "sec-websocket-extensions") else {
            return "an extension was chosen that was not offered"
        }
        return nil
    }
}
