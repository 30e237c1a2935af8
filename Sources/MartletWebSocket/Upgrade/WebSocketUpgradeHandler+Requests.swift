// Requests: their destinations, the questions about them, and the answers.
import HTTPTypes
import Logging
import MartletHTTP
import MartletProtocol
package import NIOCore
package import NIOHTTP1
import NIOHTTPTypesHTTP1

extension WebSocketUpgradeHandler: RepeatedRequestHandler.Owner {
    func perform(_ action: ServerConnectionState.PartAction) {
        switch action {
        case .nothing: break
        case .begin(let head): self.begin(head)
        case .append(let bytes):
            self.touch()
            self.plainRequest?.append(bytes)
        case .answer(let question): self.ask(question)
        case .decide: self.decide()
        case .pass(let part):
            self.exchange?.bodyCame()
            self.context?.fireChannelRead(self.wrapInboundOut(part))
        case .passAndReplaceDecoder(let part):
            self.exchange?.bodyCame()
            self.context?.fireChannelRead(self.wrapInboundOut(part))
            self.perform(self.state.stopDecoder(for: .replacement, isWritten: true))
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        guard let context = self.context else { return }
        if !self.state.hasHTTPSide, let endpoint = self.settings.requestEndpoint(head) {
            self.touch()
            self.plainRequest = PlainRequest(head, endpoint)
            self.state.begin(.endpoint, stopsDecoder: false)
            return self.expectRepetition(of: head)
        }
        self.expectNoRepetition()
        if let refusal = RequestCheck.fault(of: head) { return self.refuse(head, refusal) }
        guard let request = try? HTTPRequest(head, secure: self.settings.isSecure, splitCookie: false) else {
            return self.refuse(head, Refusal(.badRequest, "not a valid HTTP/1.1 request", mayStay: false))
        }
        if Self.waitsWithBody(head),
            self.settings.endpoint(request) != nil || self.settings.streamEndpoint(request) != nil
        {
            // Whatever the body is, the request will be refused.
            return self.refuse(head, Self.noBody(head.method))
        }
        if let endpoint = self.settings.endpoint(request) {
            self.takeover = Takeover(head: head, request: request, target: .webSocket(endpoint))
            self.state.begin(.takeover, stopsDecoder: DecoderStop.stops(after: head))
            return
        }
        if let endpoint = self.settings.streamEndpoint(request) {
            self.takeover = Takeover(head: head, request: request, target: .stream(endpoint))
            self.state.begin(.takeover, stopsDecoder: DecoderStop.stops(after: head))
            return
        }
        guard let install = self.settings.installHTTPSide else {
            return self.refuse(
                head, Refusal(.notFound, "there is no WebSocket endpoint at this path", mayStay: false))
        }
        guard !self.state.mustPostpone else { return self.state.postpone(head) }
        if self.httpSide == nil {
            do {
                self.httpSide = try install(context.channel)
            } catch {
                self.settings.logger.error("cannot serve HTTP on a connection", metadata: ["error": "\(error)"])
                context.close(promise: nil)
                return
            }
        }
        let isDraining = self.state.begin(.http, stopsDecoder: DecoderStop.stops(after: head))
        let exchange = HTTPSideExchange(head)
        self.exchange = exchange
        if exchange.awaitsContinue {
            self.continueTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.continuePatience) {
                self.continueTimer = nil
                self.sendContinue()
            }
        }
        context.fireChannelRead(self.wrapInboundOut(.head(head)))
        if isDraining { self.perform(.tellHTTP) }
    }

    /// Whether a client waits with a body for an interim answer (RFC 9110, section 10.1.1).
    private static func waitsWithBody(_ head: HTTPRequestHead) -> Bool {
        guard HTTPSideExchange(head).awaitsContinue else { return false }
        return head.headers.contains(name: "transfer-encoding")
            || head.headers.first(name: "content-length").map { $0 != "0" } ?? false
    }

    private static func noBody(_ method: HTTPMethod) -> Refusal {
        method == .GET
            ? Refusal(.badRequest, "a request for a WebSocket or a stream has no body", mayStay: false)
            : Refusal(.methodNotAllowed, "only GET", [.allow: "GET"], mayStay: false)
    }

    /// Tells a client that waits to send its body.
    func sendContinue() {
        guard let context = self.context, self.exchange?.wantsBody() == true else { return }
        context.writeAndFlush(
            self.wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
    }

    // MARK: Requests that are answered at once

    /// Takes a whole request that has bypassed the decoder.
    package func take(_ head: HTTPRequestHead, _ body: ByteBuffer) -> Bool {
        guard self.state.mayTakeWhole, !self.state.hasHTTPSide, let endpoint = self.settings.requestEndpoint(head)
        else { return false }
        self.touch()
        let request = PlainRequest(head, endpoint)
        if body.readableBytes > 0 { request.append(body) }
        self.plainRequest = request
        self.ask(self.state.receivedWhole())
        self.updateTimer()
        return true
    }

    /// Prepares for a repetition of a request for an endpoint that came through the decoder.
    private func expectRepetition(of head: HTTPRequestHead) {
        if let repetition = self.repetition { return repetition.received(head) }
        guard let context = self.context else { return }
        let handler = RepeatedRequestHandler(self)
        guard
            (try? context.pipeline.syncOperations.addHandler(handler, position: .after(self.codec.encoder))) != nil
        else { return }
        self.repetition = handler
    }

    /// Makes the decoder see every byte from here on, after something else has arrived.
    private func expectNoRepetition() {
        guard let handler = self.repetition else { return }
        self.repetition = nil
        self.context?.pipeline.syncOperations.removeHandler(handler, promise: nil)
    }

    /// Asks the endpoint about a request that is whole.
    private func ask(_ question: Int) {
        guard let request = self.plainRequest, let context = self.context, context.channel.isActive else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        request.endpoint.respond(request.head, request.body ?? ByteBuffer(), context.channel) { answer in
            if eventLoop.inEventLoop {
                bound.value.finish(answer, question)
            } else {
                eventLoop.execute { bound.value.finish(answer, question) }
            }
        }
    }

    private func finish(_ answer: RequestEndpoint.Answer, _ question: Int) {
        guard let request = self.plainRequest, let context = self.context,
            let keepsAlive = self.state.answered(question, isKeepAlive: request.head.isKeepAlive)
        else { return }
        self.plainRequest = nil
        let now = context.eventLoop.now
        self.touch(now)
        let rest = self.answers.write(answer, keepsAlive: keepsAlive, isSecure: self.settings.isSecure, now, context)
        if let rest, let encoder = try? context.pipeline.syncOperations.context(handler: self.codec.encoder) {
            encoder.writeAndFlush(NIOAny(IOData.byteBuffer(rest)), promise: self.pendingWrite(context))
        }
        if keepsAlive { self.resume() } else { self.closeOutput() }
        self.updateTimer()
    }

    /// Returns a promise for NIO to complete when it has written an answer.
    private func pendingWrite(_ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
        self.answers.pendingWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.answers.pendingWrites -= 1 }
        return promise
    }

    // MARK: Requests that want to take the connection over

    func decide() {
        guard let context = self.context, context.channel.isActive, let takeover = self.takeover else { return }
        let rules: UpgradeDecision.Rules
        var handshake: Result<ServerHandshake, HandshakeFailure>?
        switch takeover.target {
        case .webSocket(let endpoint):
            rules = .init(endpoint)
            guard let request = takeover.request else { return }
            handshake = Result { () throws(HandshakeFailure) in try ServerHandshake(request: request) }
        case .stream(let endpoint): rules = .init(endpoint)
        case .nobody(let refusal): return self.refuse(refusal)
        }
        guard let request = takeover.request else { return }
        let client = self.settings.trustedProxies.client(
            of: request, peer: context.channel.remoteAddress, isSecure: self.settings.isSecure)
        let asked = WebSocketRequest(request, client, remoteAddress: context.channel.remoteAddress)
        let (decision, action) = UpgradeDecision.begin(
            .init(
                handshake: handshake, isHTTP10: takeover.head.isHTTP10, hasMore: self.state.hasMoreThanHead,
                isSecure: asked.isSecure, head: { asked.head }), rules)
        takeover.asked = asked
        takeover.decision = decision
        self.perform(action)
    }

    func perform(_ action: UpgradeDecision.Action) {
        switch action {
        case .admit:
            let refusal = self.admit()
            if let next = self.takeover?.decision?.admitted(refusal) { self.perform(next) }
        case .ask: self.askHook()
        case .accept(let agreement): self.accept(agreement)
        case .refuse(let refusal): self.refuse(refusal)
        }
    }

    /// - Returns: `nil` if the client is admitted.
    private func admit() -> Refusal? {
        guard self.admission == nil, let takeover = self.takeover else { return nil }
        let own: ConnectionLimiter?
        switch takeover.target {
        case .webSocket(let endpoint): own = endpoint.connectionLimiter
        case .stream(let endpoint): own = endpoint.connectionLimiter
        case .nobody: own = nil
        }
        guard let limiter = own ?? self.settings.connectionLimiter else { return nil }
        do {
            self.admission = try limiter.admit(address: takeover.asked?.clientAddress)
            return nil
        } catch {
            return error.answer()
        }
    }

    private func askHook() {
        guard let context = self.context, var asked = self.takeover?.asked, let target = self.takeover?.target else {
            return
        }
        asked.subprotocol = self.takeover?.decision?.subprotocol
        let question = self.state.deciding()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        switch target {
        case .webSocket(let endpoint):
            guard let authorize = endpoint.authorize else { return }
            Task { [asked] in
                let authorization = await authorize(asked)
                eventLoop.execute {
                    bound.value.hookAnswered(question, authorization.answer) {
                        if let endpoint = authorization.chosenEndpoint { $0.target = .webSocket(endpoint) }
                    }
                }
            }
        case .stream(let endpoint):
            Task { [asked] in
                let decision = await endpoint.decide(asked)
                eventLoop.execute {
                    switch decision {
                    case .open(_, let makeHandler):
                        bound.value.hookAnswered(question, .allow([:])) {
                            $0.makeHandler = { makeHandler($0, .http1) }
                        }
                    case .refuse(let refusal): bound.value.hookAnswered(question, .refuse(refusal)) { _ in }
                    }
                }
            }
        case .nobody: break
        }
    }

    private func hookAnswered(
        _ question: Int, _ answer: UpgradeDecision.Answer, _ change: (Takeover) -> Void
    ) {
        guard self.state.decided(question), let takeover = self.takeover else { return }
        change(takeover)
        if let action = takeover.decision?.answered(answer) { self.perform(action) }
        self.updateTimer()
    }

    private func accept(_ agreement: UpgradeDecision.Agreement) {
        self.takeover?.agreement = agreement
        switch self.state.accepted() {
        case .takeOver: self.takeOver()
        case .endHTTP:
            // The HTTP side sees the end of the input and ends its output, which goes no further than this handler.
            self.context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    /// Takes the connection over: only the answer remains to be sent in HTTP.
    func takeOver() {
        guard let context = self.context, let takeover = self.takeover, let agreement = takeover.agreement else {
            return
        }
        guard case .webSocket(let endpoint) = takeover.target, let response = agreement.response,
            var request = takeover.asked
        else {
            // A stream writes its own answer.
            return self.perform(self.state.stopDecoder(for: .takeover, isWritten: true))
        }
        request.subprotocol = agreement.subprotocol
        takeover.makeHandler = { [isSecure = self.settings.isSecure, request] eventLoop in
            WebSocket(
                role: .server, configuration: endpoint.configuration, subprotocol: agreement.subprotocol,
                compression: agreement.compression, isPlainTCP: !isSecure,
                handler: endpoint.makeHandler(request, eventLoop), eventLoop: eventLoop)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess {
            self.perform(self.state.written())
            self.updateTimer()
        }
        self.perform(self.state.stopDecoder(for: .takeover, isWritten: false))
        let headers = HTTPHeaders(response.headerFields)
        context.write(
            self.wrapOutboundOut(.head(.init(version: .http1_1, status: .switchingProtocols, headers: headers))),
            promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    // MARK: Refusals

    /// Refuses the request that wants to take the connection over; the connection stays open if the client wants it to
    /// and it may.
    private func refuse(_ refusal: Refusal) {
        guard let takeover = self.takeover else { return }
        self.takeover = nil
        self.releaseAdmission()
        var refusal = refusal
        var answer: Refusal?
        if case .stream(let endpoint) = takeover.target {
            // Its own hook knows what it has refused.
            if takeover.decision?.hasRefusedOrigin ?? false { endpoint.onOriginRefusal() }
            let missing = endpoint.refusalFields.filter { refusal.fields[$0.name] == nil }
            refusal.fields.append(contentsOf: missing)
            if let request = takeover.request { answer = endpoint.answerToRefusal(refusal, request) }
        }
        let action = self.state.refused(
            mayStay: refusal.mayStay, isKeepAlive: takeover.head.keepsConnection,
            stopsDecoder: DecoderStop.stops(after: takeover.head))
        self.write(
            refusal, answer, path: takeover.request.map { WebSocketRequest.path(of: $0) }, takeover.head,
            action != .close)
        switch action {
        case .close: self.closeOutput()
        case .stay: self.resume()
        case .replaceDecoder: self.perform(self.state.stopDecoder(for: .replacement, isWritten: true))
        }
    }

    /// Refuses a request that has no destination. The answer waits for earlier ones, and for the end of the request if
    /// the connection may stay open: but not while the client waits for an answer before it sends its body.
    private func refuse(_ head: HTTPRequestHead, _ refusal: Refusal) {
        guard !refusal.mayStay || Self.waitsWithBody(head) else {
            self.takeover = Takeover(head: head, request: nil, target: .nobody(refusal))
            self.state.begin(.takeover, stopsDecoder: DecoderStop.stops(after: head))
            return
        }
        guard !self.state.mustPostpone else { return self.state.postpone(head) }
        guard self.state.refuseAndClose() else { return }
        let path = String(head.uri.prefix { $0 != "?" && $0 != "#" })
        self.write(refusal, path: path, head, false)
        self.closeOutput()
    }

    /// Sends the last answer; the state is already finished.
    func refuseForGood(_ refusal: Refusal) {
        self.write(refusal, path: nil, self.takeover?.head ?? self.plainRequest?.head, false)
        self.closeOutput()
    }

    /// - Parameter answer: what is sent in place of the refusal; `nil` for the refusal itself.
    private func write(
        _ refusal: Refusal, _ answer: Refusal? = nil, path: String?, _ head: HTTPRequestHead?, _ keepsAlive: Bool
    ) {
        guard let context = self.context else { return }
        self.place?.activity = .answered
        RefusalCounter.count(status: refusal.status.code)
        var metadata: Logger.Metadata = [
            "status": "\(refusal.status.code)", "reason": "\(refusal.reason)", "path": "\(path ?? "-")",
            "address": "\(context.channel.remoteAddress?.text ?? "-")",
        ]
        if let detail = refusal.detail { metadata["detail"] = "\(detail)" }
        self.settings.logger.info("refused a request", metadata: metadata)
        let refusal = answer ?? refusal
        var headers = HTTPHeaders(refusal.fields)
        if !headers.contains(name: "Content-Type") {
            headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        }
        headers.replaceOrAdd(name: "Content-Length", value: String(refusal.reason.utf8.count))
        headers.add(name: "Date", value: UTCTime.http(UTCTime.now()))
        // RFC 9110, section 7.8: a message with Upgrade must name it here.
        let upgrade = headers.contains(name: "Upgrade") ? ", Upgrade" : ""
        headers.add(name: "Connection", value: (keepsAlive ? "keep-alive" : "close") + upgrade)
        context.write(
            self.wrapOutboundOut(
                .head(.init(version: .http1_1, status: .init(statusCode: refusal.status.code), headers: headers))),
            promise: nil)
        // RFC 9110, section 9.3.2: what follows the head of an answer to HEAD is the next answer.
        if head?.method != .HEAD {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: refusal.reason)))), promise: nil)
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: self.pendingWrite(context))
    }
}
