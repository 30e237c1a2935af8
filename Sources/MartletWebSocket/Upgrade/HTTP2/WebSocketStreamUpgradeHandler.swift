import DequeModule
import HTTPTypes
public import Logging
import MartletHTTP
import MartletProtocol
public import NIOCore
public import NIOHTTPTypes

/// Passes an HTTP/2 stream to a ``WebSocketEndpoint`` (RFC 8441) or to the handlers of plain HTTP, as
/// ``UpgradeDecision`` decides.
///
/// It comes after `HTTP2FramePayloadToHTTPServerCodec` in the pipeline of a stream's channel.
public final class WebSocketStreamUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    private enum State {
        /// The head has not arrived.
        case ready
        /// The request is being decided about.
        case deciding(UpgradeDecision, WebSocketRequest, WebSocketEndpoint)
        case plain
        case finished
    }

    private struct Settings {
        let logger: Logger
        let trustedProxies: TrustedProxies
        let timeout: TimeAmount
        let peer: SocketAddress?
        let endpoint: WebSocketUpgradeHandler.EndpointLookup
        let installHTTPSide: (any Channel) throws -> Void
        var connectionLimiter: ConnectionLimiter?
    }

    private var settings: Settings
    private var onUpgrade: (() -> Void)?
    private var state = State.ready
    private var held: Deque<NIOAny> = []
    private var readWasHeldBack = false
    private var isDraining = false
    private var admission: ConnectionLimiter.Admission?
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    /// - Parameters:
    ///   - peer: the address of the connection that the stream belongs to.
    ///   - installHTTPSide: adds the handlers of plain HTTP to the end of the pipeline.
    ///   - onUpgradeWithoutHTTP: called when the stream upgrades or ends and never was plain HTTP.
    public init(
        limits: HTTPLimits,
        trustedProxies: TrustedProxies = .none,
        peer: SocketAddress?,
        logger: Logger,
        endpoint: @escaping WebSocketUpgradeHandler.EndpointLookup,
        installHTTPSide: @escaping (any Channel) throws -> Void,
        onUpgradeWithoutHTTP: @escaping () -> Void
    ) {
        self.settings = Settings(
            logger: logger, trustedProxies: trustedProxies, timeout: limits.handshakeTimeout, peer: peer,
            endpoint: endpoint, installHTTPSide: installHTTPSide)
        self.onUpgrade = onUpgradeWithoutHTTP
    }

    /// Limits WebSockets by the client's address. To be called before the handler is installed.
    package func limit(_ limiter: ConnectionLimiter?) { self.settings.connectionLimiter = limiter }

    public func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.releaseAdmission()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.state = .finished
        self.settle()
        self.releaseAdmission()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .ready:
            guard case .head(let request) = self.unwrapInboundIn(data) else { return }
            if ServerHandshake.isExtendedConnect(request) {
                self.decide(request)
            } else if let refusal = RequestCheck.fault(of: request) {
                self.refuse(refusal, path: request.path, isHead: request.method == .head)
            } else {
                self.pass(context, data)
            }
        case .plain: context.fireChannelRead(data)
        case .deciding: self.held.append(data)
        case .finished:
            if case .end = self.unwrapInboundIn(data) { context.close(promise: nil) }
        }
    }

    /// Holds reads back while the hook is asked.
    public func read(context: ChannelHandlerContext) {
        if case .deciding = self.state { self.readWasHeldBack = true } else { context.read() }
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, case .deciding = self.state {
            self.isDraining = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func readIfHeldBack() {
        guard self.readWasHeldBack else { return }
        self.readWasHeldBack = false
        self.context?.read()
    }

    private func settle() {
        self.onUpgrade?()
        self.onUpgrade = nil
    }

    private func releaseAdmission() {
        self.admission?.end()
        self.admission = nil
    }

    private func pass(_ context: ChannelHandlerContext, _ head: NIOAny) {
        do {
            try self.settings.installHTTPSide(context.channel)
            self.onUpgrade = nil
            self.state = .plain
            context.fireChannelRead(head)
        } catch {
            self.settings.logger.error("cannot serve HTTP on a stream", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    // MARK: The decision

    private func decide(_ head: HTTPRequest) {
        // Endpoints are looked up, and handlers written, for the request that HTTP/1.1 would have had.
        var request = head
        request.method = .get
        if let refusal = RequestCheck.fault(of: request) { return self.refuse(refusal, path: head.path) }
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
        self.state = .deciding(decision, asked, endpoint)
        self.perform(action)
    }

    private func perform(_ action: UpgradeDecision.Action) {
        guard case .deciding(var decision, let asked, let endpoint) = self.state else { return }
        switch action {
        case .admit:
            let next = decision.admitted(self.admit(asked, endpoint))
            self.state = .deciding(decision, asked, endpoint)
            self.perform(next)
        case .ask: self.askHook(asked, endpoint)
        case .accept(let agreement): self.accept(agreement, asked, endpoint)
        case .refuse(let refusal): self.refuse(refusal, path: asked.head.path)
        }
    }

    private func admit(_ asked: WebSocketRequest, _ endpoint: WebSocketEndpoint) -> Refusal? {
        guard let limiter = endpoint.connectionLimiter ?? self.settings.connectionLimiter else { return nil }
        do {
            self.admission = try limiter.admit(address: asked.clientAddress)
            return nil
        } catch {
            return error.answer()
        }
    }

    private func askHook(_ asked: WebSocketRequest, _ endpoint: WebSocketEndpoint) {
        guard let authorize = endpoint.authorize, let eventLoop = self.context?.eventLoop else { return }
        self.timer = eventLoop.assumeIsolated().scheduleTask(in: self.settings.timeout) {
            self.answered { $0.timedOut() }
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        Task {
            let authorization = await authorize(asked)
            eventLoop.execute {
                bound.value.answered(choosing: authorization.chosenEndpoint) { $0.answered(authorization.answer) }
            }
        }
    }

    private func answered(
        choosing chosen: WebSocketEndpoint? = nil, _ body: (inout UpgradeDecision) -> UpgradeDecision.Action
    ) {
        guard case .deciding(var decision, let asked, let endpoint) = self.state else { return }
        self.timer?.cancel()
        let action = body(&decision)
        self.state = .deciding(decision, asked, chosen ?? endpoint)
        self.perform(action)
    }

    // MARK: Its outcome

    private func refuse(_ refusal: Refusal, path: String?, isHead: Bool = false) {
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
        var fields = refusal.fields
        if fields[.contentType] == nil { fields[.contentType] = "text/plain; charset=utf-8" }
        fields[.contentLength] = String(refusal.reason.utf8.count)
        // Headers of an HTTP/1.1 connection are not allowed here (RFC 9113, section 8.2.2).
        for name in [HTTPField.Name.connection, .upgrade] { fields[name] = nil }
        context.write(self.wrapOutboundOut(.head(.init(status: refusal.status, headerFields: fields))), promise: nil)
        if !isHead { context.write(self.wrapOutboundOut(.body(ByteBuffer(string: refusal.reason))), promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        // The client has until the timeout to end its half of the stream.
        self.timer?.cancel()
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.settings.timeout) {
            context.close(promise: nil)
        }
        self.settle()
        self.readIfHeldBack()
    }

    private func accept(
        _ agreement: UpgradeDecision.Agreement, _ asked: WebSocketRequest, _ endpoint: WebSocketEndpoint
    ) {
        guard let context = self.context, context.channel.isActive, let response = agreement.response else { return }
        self.state = .finished
        if let admission = self.admission {
            context.channel.closeFuture.whenComplete { _ in admission.end() }
            self.admission = nil
        }
        context.writeAndFlush(self.wrapOutboundOut(.head(response)), promise: nil)
        var request = asked
        request.subprotocol = agreement.subprotocol
        let socket = WebSocket(
            role: .server, configuration: endpoint.configuration, subprotocol: agreement.subprotocol,
            compression: agreement.compression, isPlainTCP: false, isSocket: false,
            handler: endpoint.makeHandler(request, context.eventLoop), eventLoop: context.eventLoop)
        let pipeline = context.pipeline.syncOperations
        do {
            let bytes = HTTP2StreamBytes()
            try pipeline.addHandler(bytes, position: .after(self))
            try pipeline.addHandler(socket, position: .after(bytes))
        } catch {
            self.settings.logger.error("cannot upgrade a stream", metadata: ["error": "\(error)"])
            context.close(promise: nil)
            return
        }
        self.settle()
        let held = self.held
        self.held = []
        for part in held { context.fireChannelRead(part) }
        if !held.isEmpty { context.fireChannelReadComplete() }
        if self.isDraining { context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        self.readIfHeldBack()
        pipeline.removeHandler(self, promise: nil)
    }
}

@available(*, unavailable)
extension WebSocketStreamUpgradeHandler: Sendable {}
