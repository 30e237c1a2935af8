import Logging
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// A request for a WebSocket. Only if it is valid, and the upstream answers it as RFC 6455, section 4.1 demands, does
/// anything but HTTP go over the connection.
final class UpgradeExchange: Exchange, UpstreamConnection.User {
    private var upstream: UpstreamConnection?
    private var requestComplete = false
    private var upgrade: ProxiedUpgrade
    private var begun: BegunHandshake?
    private var hasBegunRefusal = false
    private var timer: ActivityTimer?
    /// The error with which the upstream's connection ended.
    private var upstreamError: (any Error)?

    /// - Parameter begun: what was done for this request already.
    init(
        client: ClientConnection, request: ProxiedRequest, entry: AccessLogEntry, startedAt: NIODeadline,
        begun: BegunHandshake?
    ) {
        self.begun = begun
        self.upgrade = ProxiedUpgrade(request)
        super.init(client: client, request: request, entry: entry, startedAt: startedAt)
        if let begun { self.adopt(tried: begun.tried, endpoint: begun.upstream?.endpoint) }
    }

    override var isRequestComplete: Bool { self.requestComplete }
    override var hasBegunAnswer: Bool { self.hasBegunRefusal }
    override var isForUpgrade: Bool { true }
    private var policy: WebSocketPolicy { self.route.configuration.webSocket }

    // MARK: The request

    override func received(_ part: HTTPServerRequestPart) {
        switch part {
        case .head: break
        case .body: break  // of a request that has been refused
        case .end:
            self.requestComplete = true
            if !self.isOver { self.check() }
        }
    }

    override var mayReadClient: Bool { !self.requestComplete }

    /// Refuses requests with a body, or of HTTP/1.0, at their head: the body may never come, or never end.
    override func start() {
        let hasBody = (try? BodyFraming.of(self.head)) != BodyFraming.none
        guard hasBody || self.head.isHTTP10 else { return }
        self.perform(self.upgrade.arrived(hasMore: hasBody), mayStay: false)
    }

    private func check() {
        self.client.removeDecoder { leftovers in
            guard !self.isOver else { return }
            self.perform(self.upgrade.arrived(hasMore: leftovers > 0), mayStay: leftovers == 0)
        }
    }

    /// - Parameter mayStay: whether HTTP may go on over the client's connection after a refusal.
    private func perform(_ action: ProxiedUpgrade.Action, mayStay: Bool = true) {
        switch action {
        case .nothing: break
        case .authenticate(let token): self.authenticate(token)
        case .connect: self.goOn()
        case .send(let head):
            guard let upstream = self.upstream else { return }
            upstream.write(.head(head))
            upstream.write(.end(nil))
            upstream.flush()
            self.upgrade.sent()
        case .passRefusal(let head): self.pass(head)
        case .open(let headers, let isCompressed): self.open(headers, isCompressed: isCompressed)
        case .fail(let refusal, let fault):
            if let fault { self.endpointFailed(fault, self.upstreamError) }
            self.fail(refusal, keepAlive: mayStay)
        case .breakOff(let reason):
            self.entry.reason = reason
            self.end()
            let client = self.client
            self.settle()
            client.abort()
        }
    }

    private func authenticate(_ token: String) {
        guard let authentication = self.policy.authenticate else { return }
        self.timer = ActivityTimer(self.route.configuration.responseTimeout, on: self.loop.eventLoop) { [weak self] in
            self?.timedOut()
        }
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        let eventLoop = self.loop.eventLoop
        eventLoop.makeFutureWithTask { try await authentication.user(token) }.whenComplete { result in
            let exchange = bound.value
            guard !exchange.isOver else { return }
            exchange.timer?.stop()
            let answer: ProxiedUpgrade.Authentication
            switch result {
            case .success(let user?): answer = .user(user)
            case .success(nil): answer = .invalid
            case .failure(let error):
                exchange.loop.core.logger.warning("cannot check a token", metadata: ["error": "\(error)"])
                answer = .unavailable
            }
            let action = exchange.upgrade.authenticated(answer)
            exchange.entry.user = exchange.upgrade.user
            exchange.perform(action)
        }
    }

    private func goOn() {
        let timeout = self.route.configuration.responseTimeout
        guard let begun = self.begun else {
            self.timer = ActivityTimer(timeout, on: self.loop.eventLoop) { [weak self] in self?.timedOut() }
            return self.connect()
        }
        self.begun = nil
        if begun.upstream == nil, begun.isTimeout, NIODeadline.now() >= self.startedAt + timeout {
            // The failure of the upstream server has been recorded already.
            if case .fail(let refusal, _) = self.upgrade.timedOut() { self.fail(refusal) }
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

    /// Goes on with a connection over which the request has been sent already.
    private func goOn(with upstream: OpenUpstream) {
        UpstreamConnector.adopt(upstream, on: self.loop.eventLoop) { [weak self] connection in
            guard let self, !self.isOver else { return connection.close() }
            self.upstream = connection
            connection.user = self
            self.sentAt = self.startedAt
            self.perform(self.upgrade.connected(authority: self.endpoint?.url.authority))
        }.assumeIsolated().whenFailure { [weak self] error in
            guard let self, !self.isOver else { return }
            self.upstreamEnded(error)
        }
    }

    private func timedOut() { self.perform(self.upgrade.timedOut()) }

    override func clientGone() {
        self.entry.status = 499
        self.entry.reason = "the client left"
        self.upgrade.abandoned()
        self.end()
        self.settle()
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
        self.upgrade.abandoned()
        if self.requestComplete, keepAlive { self.client.restoreDecoder() }
        super.fail(status, reason, headers: headers, keepAlive: keepAlive)
    }

    // MARK: The upstream

    override func connected(_ connection: UpstreamConnection) {
        self.upstream = connection
        connection.user = self
        self.perform(self.upgrade.connected(authority: self.endpoint?.url.authority))
        self.sentAt = .now()
    }

    var mayReadUpstream: Bool { self.client.isWritable }
    func upstreamWritabilityChanged() {}
    override func clientWritabilityChanged() { self.upstream?.readIfHeldBack() }

    func upstreamReceived(_ part: HTTPClientResponsePart) {
        guard !self.isOver else { return }
        self.timer?.touch()
        switch part {
        case .head(let head):
            if head.status.code < 200, head.status != .switchingProtocols { self.upstream?.passedInterimAnswer() }
            self.perform(self.upgrade.answered(head))
        case .body(let bytes):
            guard self.hasBegunRefusal else { return }
            self.entry.bytesSent += bytes.readableBytes
            self.client.write(.body(.byteBuffer(bytes)))
        case .end:
            guard self.hasBegunRefusal else { return }
            self.upgrade.refusalEnded()
            self.finishRefusal()
        }
    }

    func upstreamReadComplete() {
        if !self.isOver, self.hasBegunRefusal { self.client.flush() }
    }

    func upstreamEnded(_ error: (any Error)?) {
        guard !self.isOver else { return }
        self.upstream = nil
        self.upstreamError = error
        self.perform(self.upgrade.ended(error is HTTPParserError ? .malformed : .closed))
    }

    // MARK: Its answer is plain HTTP

    private func pass(_ head: HTTPResponseHead) {
        self.endpoint?.succeeded()
        self.upstream?.stopExpectingUpgrade()
        self.hasBegunRefusal = true
        self.entry.status = Int(head.status.code)
        if let sentAt = self.sentAt { self.entry.upstreamDuration = (NIODeadline.now() - sentAt).nanoseconds }
        var head = head
        self.client.restoreDecoder()
        self.client.addConnectionHeader(&head.headers, keepAlive: self.keepsAlive)
        self.client.write(.head(head))
    }

    private var keepsAlive: Bool { self.head.keepsConnection && !self.loop.core.isDraining }

    private func finishRefusal() {
        self.client.write(.end(nil))
        self.client.flush()
        self.end()
        self.settle()
        self.client.finished(self, keepAlive: self.keepsAlive)
    }

    // MARK: Its answer is 101

    private func open(_ headers: HTTPHeaders, isCompressed: Bool) {
        guard let handshake = self.upgrade.handshake, let upstream = self.upstream else { return }
        self.endpoint?.succeeded()
        self.timer?.stop()
        self.timer = nil
        if let sentAt = self.sentAt { self.entry.upstreamDuration = (NIODeadline.now() - sentAt).nanoseconds }
        self.upstream = nil
        let bytes = upstream.takeBytesBehindUpgrade()
        let switchover = Switchover(
            exchange: self, client: self.client, upstream: upstream, handshake: handshake, bytesFromUpstream: bytes,
            isCompressed: isCompressed)
        switchover.begin(headers)
    }
}
