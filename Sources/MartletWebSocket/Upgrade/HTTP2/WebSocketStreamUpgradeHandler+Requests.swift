// Requests: their destinations, the questions about them, and the answers.
import DequeModule
import HTTPTypes
import Logging
import MartletHTTP
import MartletProtocol
import NIOCore
import NIOHTTPTypes

extension WebSocketStreamUpgradeHandler {
    /// Begins with a request.
    ///
    /// - Parameter data: the same head, to be passed on.
    func begin(_ request: HTTPRequest, _ data: NIOAny) {
        if ServerHandshake.isExtendedConnect(request) { return self.decide(request) }
        if let refusal = RequestCheck.fault(of: request) ?? self.settings.limits.refusal(of: request) {
            return self.refuse(refusal, path: request.path, isHead: request.method == .head)
        }
        guard let endpoint = self.settings.streamEndpoint(request) else { return self.pass(request, data) }
        self.state = .ending(request, endpoint)
        self.start {
            guard case .ending = self.state else { return }
            self.refuse(Refusal(.requestTimeout, "no complete request came in time"), path: request.path)
        }
    }

    /// Starts the timer of the opening handshake.
    private func start(_ body: @escaping () -> Void) {
        self.timer?.cancel()
        self.timer = self.context?.eventLoop.assumeIsolated().scheduleTask(
            in: self.settings.limits.handshakeTimeout, body)
    }

    // MARK: The decision

    private func decide(_ head: HTTPRequest) {
        // Endpoints are looked up, and handlers written, for the request that HTTP/1.1 would have had.
        var request = head
        request.method = .get
        if let refusal = RequestCheck.fault(of: request) ?? self.settings.limits.refusal(of: request) {
            return self.refuse(refusal, path: head.path)
        }
        guard let endpoint = self.settings.endpoint(request) else {
            return self.refuse(
                Refusal(.notFound, "there is no WebSocket endpoint at this path"), path: head.path)
        }
        let client = self.settings.trustedProxies.client(of: head, peer: self.settings.peer, isSecure: true)
        var asked = WebSocketRequest(request, client, remoteAddress: self.settings.peer)
        let (decision, action) = UpgradeDecision.begin(
            .init(
                handshake: Result { () throws(HandshakeFailure) in try ServerHandshake(extendedConnect: head) },
                isSecure: asked.isSecure, head: { [asked] in asked.head }), .init(endpoint))
        asked.subprotocol = decision.subprotocol
        self.state = .deciding(Inquiry(target: .webSocket(endpoint), asked: asked, decision: decision))
        self.perform(action)
    }

    func decide(_ request: HTTPRequest, _ endpoint: StreamEndpoint, hasMore: Bool) {
        self.timer?.cancel()
        let client = self.settings.trustedProxies.client(of: request, peer: self.settings.peer, isSecure: true)
        let asked = WebSocketRequest(request, client, remoteAddress: self.settings.peer)
        let (decision, action) = UpgradeDecision.begin(
            .init(handshake: nil, hasMore: hasMore, isSecure: asked.isSecure, head: { asked.head }), .init(endpoint))
        self.state = .deciding(Inquiry(target: .stream(endpoint), asked: asked, decision: decision))
        self.perform(action)
    }

    private func perform(_ action: UpgradeDecision.Action) {
        guard case .deciding(var inquiry) = self.state else { return }
        switch action {
        case .admit:
            let next = inquiry.decision.admitted(self.admit(inquiry))
            self.state = .deciding(inquiry)
            self.perform(next)
        case .ask: self.askHook(inquiry)
        case .accept(let agreement): self.accept(agreement, inquiry)
        case .refuse(let refusal): self.refuse(refusal, inquiry)
        }
    }

    private func admit(_ inquiry: Inquiry) -> Refusal? {
        let own =
            switch inquiry.target {
            case .webSocket(let endpoint): endpoint.connectionLimiter
            case .stream(let endpoint): endpoint.connectionLimiter
            }
        guard let limiter = own ?? self.settings.connectionLimiter else { return nil }
        do {
            self.admission = try limiter.admit(address: inquiry.asked.clientAddress)
            return nil
        } catch {
            return error.answer()
        }
    }

    private func askHook(_ inquiry: Inquiry) {
        guard let eventLoop = self.context?.eventLoop else { return }
        self.start { self.answered { $0.decision.timedOut() } }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let asked = inquiry.asked
        switch inquiry.target {
        case .webSocket(let endpoint):
            guard let authorize = endpoint.authorize else { return }
            Task {
                let authorization = await authorize(asked)
                eventLoop.execute {
                    bound.value.answered {
                        if let chosen = authorization.chosenEndpoint { $0.target = .webSocket(chosen) }
                        return $0.decision.answered(authorization.answer)
                    }
                }
            }
        case .stream(let endpoint):
            Task {
                let decision = await endpoint.decide(asked)
                eventLoop.execute {
                    bound.value.answered {
                        switch decision {
                        case .open(let fields, let makeHandler):
                            $0.opening = (fields, makeHandler)
                            return $0.decision.answered(.allow(fields))
                        case .refuse(let refusal): return $0.decision.answered(.refuse(refusal))
                        }
                    }
                }
            }
        }
    }

    private func answered(_ body: (inout Inquiry) -> UpgradeDecision.Action) {
        guard case .deciding(var inquiry) = self.state else { return }
        self.timer?.cancel()
        let action = body(&inquiry)
        self.state = .deciding(inquiry)
        self.perform(action)
    }

    // MARK: Its outcome

    private func refuse(_ refusal: Refusal, _ inquiry: Inquiry) {
        let request = inquiry.asked.head
        guard case .stream(let endpoint) = inquiry.target else { return self.refuse(refusal, path: request.path) }
        if inquiry.decision.hasRefusedOrigin { endpoint.onOriginRefusal() }
        var refusal = refusal
        refusal.fields.append(contentsOf: endpoint.refusalFields.filter { refusal.fields[$0.name] == nil })
        self.refuse(refusal, endpoint.answerToRefusal(refusal, request), path: request.path)
    }

    /// - Parameter answer: what is sent in place of the refusal; `nil` for the refusal itself.
    func refuse(_ refusal: Refusal, _ answer: Refusal? = nil, path: String?, isHead: Bool = false) {
        guard let context = self.context else { return }
        self.state = .finished
        self.releaseAdmission()
        RefusalCounter.count(status: refusal.status.code)
        var metadata: Logger.Metadata = [
            "status": "\(refusal.status.code)", "reason": "\(refusal.reason)",
            "path": "\(path.map { String($0.prefix { $0 != "?" && $0 != "#" }) } ?? "-")",
            "address": "\(self.settings.peer?.text ?? "-")",
        ]
        if let detail = refusal.detail { metadata["detail"] = "\(detail)" }
        self.settings.logger.info("refused a request", metadata: metadata)
        let refusal = answer ?? refusal
        var fields = refusal.fields
        if fields[.contentType] == nil { fields[.contentType] = "text/plain; charset=utf-8" }
        fields[.contentLength] = String(refusal.reason.utf8.count)
        fields[.date] = UTCTime.http(UTCTime.now())
        for name in HTTPField.Name.ofConnection { fields[name] = nil }
        context.write(self.wrapOutboundOut(.head(.init(status: refusal.status, headerFields: fields))), promise: nil)
        if !isHead { context.write(self.wrapOutboundOut(.body(ByteBuffer(string: refusal.reason))), promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        // The client has until the timeout to end its half of the stream.
        self.start { context.close(promise: nil) }
        self.settle()
        self.held = []
        self.readIfHeldBack()
    }

    private func accept(_ agreement: UpgradeDecision.Agreement, _ inquiry: Inquiry) {
        guard let context = self.context, context.channel.isActive else { return }
        let response: HTTPResponse
        let makeHandler: () -> any ChannelHandler
        switch inquiry.target {
        case .webSocket(let endpoint):
            guard let answer = agreement.response else { return }
            response = answer
            var request = inquiry.asked
            request.subprotocol = agreement.subprotocol
            makeHandler = { [request] in
                WebSocket(
                    role: .server, configuration: endpoint.configuration, subprotocol: agreement.subprotocol,
                    compression: agreement.compression, isPlainTCP: false, isSocket: false,
                    handler: endpoint.makeHandler(request, context.eventLoop), eventLoop: context.eventLoop)
            }
        case .stream:
            guard let opening = inquiry.opening else { return }
            response = HTTPResponse(status: .ok, headerFields: opening.fields)
            makeHandler = { opening.makeHandler(context.eventLoop, .http2) }
        }
        self.state = .finished
        self.place?.clientBegan()
        context.channel.closeFuture.whenComplete { [admission, place] _ in
            admission?.end()
            place?.clientEnded()
        }
        self.admission = nil
        context.writeAndFlush(self.wrapOutboundOut(.head(response)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        do {
            let bytes = HTTP2StreamBytes()
            try pipeline.addHandler(bytes, position: .after(self))
            try pipeline.addHandler(makeHandler(), position: .after(bytes))
        } catch {
            self.settings.logger.error("cannot upgrade a stream", metadata: ["error": "\(error)"])
            context.close(promise: nil)
            return
        }
        self.settle()
        self.releaseHeld(context)
        if self.isDraining { context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        pipeline.removeHandler(self, promise: nil)
    }
}
