// From the head of a request to the decision about it.
import HTTPTypes
import Logging
import MartletProtocol
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

extension WebSocketUpgradeHandler {
    func handle(_ part: HTTPServerRequestPart) {
        switch (part, self.state) {
        case (.head(let head), .ready):
            self.handle(head)
        case (.body(let bytes), .collecting(let request)):
            self.touch()
            request.append(bytes)
        case (.end, .collecting(let request)): self.answer(request)
        case (.body, .receiving(var handshake)):
            handshake.hasBody = true
            self.state = .receiving(handshake)
        case (.end, .receiving(let handshake)):
            self.stopTimer()
            if self.unanswered > 0 {
                self.state = .waiting(handshake)
            } else {
                self.decide(handshake)
            }
        case (.end, .passing(let stopsDecoder)):
            self.context?.fireChannelRead(self.wrapInboundOut(part))
            self.state = .ready
            if stopsDecoder { self.replaceDecoder() }
        default:
            self.context?.fireChannelRead(self.wrapInboundOut(part))
        }
    }

    func handle(_ head: HTTPRequestHead) {
        guard let context = self.context else { return }
        guard !self.collect(head) else { return self.expectRepetition(of: head) }
        self.expectNoRepetition()
        guard let request = try? HTTPRequest(head, secure: self.isSecure, splitCookie: false) else {
            self.refuseAndClose(.badRequest, reason: "not a valid HTTP/1.1 request")
            return
        }
        if let endpoint = self.endpoint(request) {
            self.receive(Handshake(head: head, request: request, target: .webSocket(endpoint)))
            return
        }
        if let endpoint = self.streamEndpoint(request) {
            self.receive(Handshake(head: head, request: request, target: .stream(endpoint)))
            return
        }
        guard let install = self.installHTTPSide else {
            let reason = "there is no WebSocket endpoint at this path"
            self.logRefusal(.notFound, path: WebSocketRequest.path(of: request), reason: reason)
            self.respond(.notFound, [:], body: reason, keepAlive: false)
            self.finishAfterFlush()
            return
        }
        self.stopTimer()
        if self.httpSide == nil {
            do {
                self.httpSide = try install(context.channel)
            } catch {
                self.logger.error("cannot serve HTTP on a connection", metadata: ["error": "\(error)"])
                context.close(promise: nil)
                return
            }
        }
        self.unanswered += 1
        self.state = .passing(stopsDecoder: Self.stopsDecoder(head))
        context.fireChannelRead(self.wrapInboundOut(.head(head)))
    }

    private func receive(_ handshake: Handshake) {
        self.state = .receiving(handshake)
        if self.timer == nil { self.startTimer() }
    }

    /// Whether NIO's decoder parses nothing after this request: llhttp's rule.
    static func stopsDecoder(_ head: HTTPRequestHead) -> Bool {
        head.method == .CONNECT
            || head.headers["upgrade"].contains { !$0.isEmpty }
                && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }

    func decide(_ handshake: Handshake) {
        guard let context = self.context, context.channel.isActive else { return }
        switch handshake.target {
        case .webSocket(let endpoint): self.decide(handshake, endpoint, context)
        case .stream(let endpoint): self.decide(handshake, endpoint, context)
        }
    }

    private func decide(_ handshake: Handshake, _ endpoint: WebSocketEndpoint, _ context: ChannelHandlerContext) {
        let server: ServerHandshake
        do {
            server = try ServerHandshake(request: handshake.request)
        } catch {
            let response = ServerHandshake.refusal(of: error)
            self.refuse(handshake, response.status, response.headerFields, reason: error.reason)
            return
        }
        guard handshake.head.version.major == 1, handshake.head.version.minor >= 1,
            handshake.head.headers["host"].count == 1
        else {
            self.refuse(handshake, .badRequest, reason: "a WebSocket handshake is HTTP/1.1 with one Host header")
            return
        }
        guard self.heldParts.isEmpty, !handshake.hasBody else {
            self.refuse(handshake, .badRequest, reason: "a WebSocket handshake has no body and nothing behind it")
            return
        }
        var request = self.makeRequest(handshake, context)
        request.subprotocol = server.selectSubprotocol(from: endpoint.subprotocols)
        guard self.checkOrigin(handshake, endpoint, request), self.admit(handshake, request) else { return }
        guard let authorize = endpoint.authorize else {
            self.accept(handshake, endpoint, server, request, [:])
            return
        }
        let question = self.ask(handshake)
        let bound = NIOLoopBound((self, handshake, server), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let asked = request
        Task {
            let authorization = await authorize(asked)
            eventLoop.execute {
                let (handler, handshake, server) = bound.value
                guard handler.isAnswer(to: question) else { return }
                switch authorization.decision {
                case .allow(let fields): handler.accept(handshake, endpoint, server, asked, fields)
                case .refuse(let status, let fields, let reason):
                    handler.refuse(handshake, status, fields, reason: reason)
                case .proceed(let endpoint, let fields):
                    guard handler.checkOrigin(handshake, endpoint, asked) else { return }
                    var request = asked
                    request.subprotocol = server.selectSubprotocol(from: endpoint.subprotocols)
                    handler.accept(handshake, endpoint, server, request, fields)
                }
            }
        }
    }

    private func decide(_ handshake: Handshake, _ endpoint: StreamEndpoint, _ context: ChannelHandlerContext) {
        guard self.heldParts.isEmpty, !handshake.hasBody else {
            self.refuse(handshake, .badRequest, reason: "a request for a stream has no body and nothing behind it")
            return
        }
        let request = self.makeRequest(handshake, context)
        guard self.admit(handshake, request) else { return }
        let question = self.ask(handshake)
        let bound = NIOLoopBound((self, handshake), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        Task {
            let decision = await endpoint.decide(request)
            eventLoop.execute {
                let (handler, handshake) = bound.value
                guard handler.isAnswer(to: question) else { return }
                switch decision {
                case .open(let makeHandler): handler.accept(makeHandler)
                case .refuse(let status, let fields, let reason):
                    handler.refuse(handshake, status, fields, reason: reason)
                }
            }
        }
    }

    /// The request as hooks see it: with what trusted proxies tell of it.
    private func makeRequest(_ handshake: Handshake, _ context: ChannelHandlerContext) -> WebSocketRequest {
        let client = self.trustedProxies.client(
            of: handshake.request, peer: context.channel.remoteAddress, isSecure: self.isSecure)
        var head = handshake.request
        if let authority = client.authority { head.authority = authority }
        return WebSocketRequest(
            head: head, remoteAddress: context.channel.remoteAddress, clientAddress: client.address,
            isSecure: client.isSecure, subprotocol: nil)
    }

    /// - Returns: `false` when the request has been refused, since there are too many connections.
    private func admit(_ handshake: Handshake, _ request: WebSocketRequest) -> Bool {
        let limiter = handshake.target.connectionLimiter ?? self.connectionLimiter
        guard self.admission == nil, let limiter else { return true }
        do {
            self.admission = try limiter.admit(address: request.clientAddress)
            return true
        } catch {
            var fields = handshake.target.refusalFields
            switch error {
            case .closed:
                fields[.retryAfter] = "\(ConnectionLimiter.retryAfterClosed)"
                self.refuse(
                    handshake, .serviceUnavailable, fields, reason: "the server is about to stop", mayStay: false)
            case .full:
                fields[.retryAfter] = "5"
                // Its connection would take the place of another.
                self.refuse(
                    handshake, .serviceUnavailable, fields, reason: "there are too many connections", mayStay: false)
            case .tooMany(let reason, let retryAfter):
                fields[.retryAfter] = "\(retryAfter)"
                self.refuse(handshake, .tooManyRequests, fields, reason: reason)
            }
            return false
        }
    }

    /// A hook is asked about a handshake.
    private func ask(_ handshake: Handshake) -> Int {
        self.questionCount += 1
        self.state = .deciding(handshake, question: self.questionCount)
        self.startTimer()
        return self.questionCount
    }

    /// Whether a hook's answer comes in time.
    private func isAnswer(to question: Int) -> Bool {
        guard case .deciding(_, question) = self.state else { return false }
        self.stopTimer()
        return true
    }

    /// The handshake that was counted came to nothing.
    func releaseAdmission() {
        self.admission?.end()
        self.admission = nil
    }

    /// - Returns: `false` when the handshake has been refused.
    private func checkOrigin(
        _ handshake: Handshake, _ endpoint: WebSocketEndpoint, _ request: WebSocketRequest
    ) -> Bool {
        if endpoint.origin.allows(request.head, isSecure: request.isSecure) { return true }
        let origin = request.head.headerFields[.origin] ?? ""
        self.refuse(handshake, .forbidden, reason: "pages of the origin \(origin) may not connect here")
        return false
    }
}
