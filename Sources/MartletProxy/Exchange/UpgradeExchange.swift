import Logging
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// A request for a WebSocket. Only when it is a correct one, and the upstream answers it as RFC 6455, section 4.1 demands,
/// does anything but HTTP go over the connection.
final class UpgradeExchange: Exchange, UpstreamConnection.User {
    private var upstream: UpstreamConnection?
    private var requestComplete = false
    private var upgrade: UpgradeRequest?
    private var begun: BegunHandshake?
    private var refusal: HTTPResponseHead?
    private var timer: ActivityTimer?

    /// - Parameter begun: what was done for this request already.
    init(
        client: ClientConnection, request: ProxiedRequest, entry: AccessLogEntry, startedAt: NIODeadline,
        begun: BegunHandshake?
    ) {
        self.begun = begun
        super.init(client: client, request: request, entry: entry, startedAt: startedAt)
        if let begun { self.adopt(tried: begun.tried, endpoint: begun.upstream?.endpoint) }
    }

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
        switch UpgradeRequest.check(self.request) {
        case .failure(let refusal):
            self.fail(refusal.status, refusal.reason, headers: refusal.headers)
        case .success(let upgrade):
            self.upgrade = upgrade
            if let authentication = self.policy.authenticate {
                self.authenticate(authentication)
            } else {
                self.goOn()
            }
        }
    }

    private func authenticate(_ authentication: WebSocketPolicy.Authentication) {
        guard let token = self.upgrade?.takeToken() else {
            self.fail(.unauthorized, "a token is needed", headers: ["WWW-Authenticate": "Bearer"])
            return
        }
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        let eventLoop = self.loop.eventLoop
        eventLoop.makeFutureWithTask { try await authentication.user(token) }.whenComplete { result in
            let exchange = bound.value
            guard !exchange.isOver else { return }
            if case .failure(let error) = result {
                exchange.loop.core.logger.warning("cannot check a token", metadata: ["error": "\(error)"])
                exchange.fail(
                    .serviceUnavailable, "tokens cannot be checked at the moment", headers: ["Retry-After": "5"])
                return
            }
            guard case .success(let user?) = result,
                authentication.userHeader.map({ HeaderRules.Field($0, user) != nil }) ?? true
            else {
                exchange.fail(
                    .unauthorized, "the token is not valid",
                    headers: ["WWW-Authenticate": "Bearer error=\"invalid_token\""])
                return
            }
            exchange.upgrade?.user = user
            exchange.entry.user = user
            exchange.goOn()
        }
    }

    private func goOn() {
        guard self.upgrade?.filterSubprotocols() ?? true else {
            self.fail(.badRequest, "none of the offered subprotocols is allowed here")
            return
        }
        let timeout = self.route.configuration.responseTimeout
        guard let begun = self.begun else {
            self.timer = ActivityTimer(timeout, on: self.loop.eventLoop) { [weak self] in self?.timedOut() }
            return self.connect()
        }
        self.begun = nil
        if begun.upstream == nil, begun.isTimeout, NIODeadline.now() >= self.startedAt + timeout {
            self.failLate()
            return
        }
        self.timer = ActivityTimer(timeout, since: self.startedAt, on: self.loop.eventLoop) { [weak self] in
            self?.timedOut()
        }
        if let upstream = begun.upstream {
            self.goOn(with: upstream)
        } else {
            self.connect(
                lastError: begun.isTimeout ? Self.describe(ChannelError.connectTimeout(timeout)) : nil,
                isTimeout: begun.isTimeout)
        }
    }

    /// The request is with the upstream already.
    private func goOn(with upstream: BegunHandshake.Upstream) {
        UpstreamConnector.adopt(upstream, on: self.loop.eventLoop) { [weak self] connection in
            guard let self, !self.isOver else { return connection.close() }
            self.upstream = connection
            connection.user = self
            self.sentAt = self.startedAt
            self.write(to: connection)
        }.assumeIsolated().whenFailure { [weak self] error in
            guard let self, !self.isOver else { return }
            self.endpointFailed("connection closed", error)
            self.fail(.badGateway, "the upstream \(self.route.group.name) ended the connection without an answer")
        }
    }

    private func timedOut() {
        guard self.refusal == nil else {
            self.entry.reason = "the answer stalled"
            self.breakOff()
            return
        }
        self.endpointFailed("response timeout")
        self.failLate()
    }

    private func failLate() {
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
        self.begun?.upstream?.close()
        self.begun = nil
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
        self.write(to: connection)
        self.sentAt = .now()
    }

    private func write(to connection: UpstreamConnection) {
        guard let upgrade = self.upgrade else { return }
        connection.write(.head(upgrade.upstreamHead(for: self.endpoint)))
        connection.write(.end(nil))
        connection.flush()
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
        var headers = self.request.clientHeaders(head)
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
        guard let request = self.upgrade, let upstream = self.upstream else { return }
        if let fault = request.fault(of: head) {
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
        let upgrade = Upgrade(
            exchange: self, client: self.client, upstream: upstream, handshake: request.handshake,
            bytesFromUpstream: bytes, isCompressed: isCompressed)
        upgrade.begin(request.clientHeaders(head))
    }
}
