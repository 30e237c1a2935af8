import DequeModule
package import HTTPTypes
public import Logging
package import MartletHTTP
import MartletProtocol
public import NIOCore
public import NIOHTTPTypes

/// Passes an HTTP/2 stream to a ``WebSocketEndpoint`` (RFC 8441), to an endpoint that answers with a stream of bytes, or
/// to the handlers of plain HTTP, as ``UpgradeDecision`` decides.
///
/// It comes after `HTTP2FramePayloadToHTTPServerCodec` in the pipeline of a stream's channel.
public final class WebSocketStreamUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    enum State {
        /// The head has not arrived.
        case ready
        /// The head of a request for a stream of bytes has arrived, which must end with it.
        case ending(HTTPRequest, StreamEndpoint)
        /// The request is being decided about.
        case deciding(Inquiry)
        /// A plain request waits for others of its connection.
        case waiting(NIOAny)
        case plain
        case finished
    }

    /// A request that is being decided about.
    struct Inquiry {
        enum Target {
            case webSocket(WebSocketEndpoint)
            case stream(StreamEndpoint)
        }

        var target: Target
        let asked: WebSocketRequest
        var decision: UpgradeDecision
        /// The headers of the answer with a stream of bytes, and its handler, once it has been accepted.
        var opening:
            (fields: HTTPFields, makeHandler: (any EventLoop, StreamEndpoint.HTTPVersion) -> any ChannelHandler)?
    }

    struct Settings {
        let logger: Logger
        let trustedProxies: TrustedProxies
        let limits: HTTPLimits
        let peer: SocketAddress?
        let endpoint: WebSocketUpgradeHandler.EndpointLookup
        let installHTTPSide: (any Channel) throws -> Void
        var connectionLimiter: ConnectionLimiter?
        var streamEndpoint: @Sendable (HTTPRequest) -> StreamEndpoint? = { _ in nil }
    }

    var settings: Settings
    private var onUpgrade: (() -> Void)?
    var state = State.ready
    var held: Deque<NIOAny> = []
    private var readWasHeldBack = false
    var isDraining = false
    var admission: ConnectionLimiter.Admission?
    var timer: Scheduled<Void>?
    var context: ChannelHandlerContext?
    /// The connection's place among those of its server; `nil` for a server that does not count them here.
    package var place: ConnectionPlace?
    /// The gate before the HTTP side; `nil` for none.
    package var gate: StreamGate?
    private var isInsideGate = false
    /// Whether the client waits for an interim answer before it sends its body.
    private var awaitsContinue = false
    /// The answer of the HTTP side.
    private var answer = StreamAnswer()
    private var answerTimer: Scheduled<Void>?

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
            logger: logger, trustedProxies: trustedProxies, limits: limits, peer: peer, endpoint: endpoint,
            installHTTPSide: installHTTPSide)
        self.onUpgrade = onUpgradeWithoutHTTP
    }

    /// Adds what a server of its own has. To be called before the handler is installed.
    ///
    /// - Parameters:
    ///   - limiter: limits WebSockets and streams by the client's address.
    ///   - streamEndpoint: returns the endpoint that answers a request with a stream of bytes.
    package func serve(
        _ limiter: ConnectionLimiter?, streamEndpoint: @escaping @Sendable (HTTPRequest) -> StreamEndpoint?
    ) {
        self.settings.connectionLimiter = limiter
        self.settings.streamEndpoint = streamEndpoint
    }

    public func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.stop()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.state = .finished
        self.settle()
        self.stop()
        context.fireChannelInactive()
    }

    private func stop() {
        self.timer?.cancel()
        self.answerTimer?.cancel()
        self.answerTimer = nil
        self.releaseAdmission()
        self.leaveGate()
        self.gate = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .ready:
            guard case .head(let request) = self.unwrapInboundIn(data) else { return }
            self.begin(request, data)
        case .ending(let request, let endpoint):
            var hasMore = true
            if case .end = self.unwrapInboundIn(data) { hasMore = false }
            self.decide(request, endpoint, hasMore: hasMore)
        case .plain:
            self.awaitsContinue = false
            context.fireChannelRead(data)
        case .deciding, .waiting: self.held.append(data)
        case .finished:
            if case .end = self.unwrapInboundIn(data) { context.close(promise: nil) }
        }
    }

    /// Holds reads back while the request waits.
    public func read(context: ChannelHandlerContext) {
        switch self.state {
        case .deciding, .waiting: self.readWasHeldBack = true
        default: context.read()
        }
    }

    func readIfHeldBack() {
        guard self.readWasHeldBack else { return }
        self.readWasHeldBack = false
        self.context?.read()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is WantsBodyEvent: self.sendContinue(context)
        case is ProvedEvent:
            self.place?.prove()
            self.leaveGate()
        case is ChannelShouldQuiesceEvent, is ServerRestartEvent:
            switch self.state {
            case .ready, .ending, .deciding: self.isDraining = true
            // An answer is finished; the connection ends when there is no stream any more.
            case .waiting, .plain: break
            case .finished: context.fireUserInboundEventTriggered(event)
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func sendContinue(_ context: ChannelHandlerContext) {
        guard self.awaitsContinue else { return }
        self.awaitsContinue = false
        context.writeAndFlush(self.wrapOutboundOut(.head(.init(status: .continue))), promise: nil)
    }

    /// Tells that the stream was never plain HTTP.
    func settle() {
        self.onUpgrade?()
        self.onUpgrade = nil
    }

    func releaseAdmission() {
        self.admission?.end()
        self.admission = nil
    }

    // MARK: Plain HTTP

    /// Passes the request to the HTTP side when it may go on.
    func pass(_ request: HTTPRequest, _ head: NIOAny) {
        guard let context = self.context else { return }
        self.awaitsContinue = request.headerFields[values: .expect].contains { $0.lowercased() == "100-continue" }
        if let gate = self.gate {
            guard gate.enter(self) else {
                self.state = .waiting(head)
                return
            }
            self.isInsideGate = true
        }
        self.install(context, head)
    }

    /// Adds the HTTP side.
    private func install(_ context: ChannelHandlerContext, _ head: NIOAny) {
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

    private func leaveGate() {
        guard self.isInsideGate else { return }
        self.isInsideGate = false
        self.gate?.leave()
    }

    /// Gives up what was held while the request waited.
    func releaseHeld(_ context: ChannelHandlerContext) {
        let held = self.held
        self.held = []
        for part in held { context.fireChannelRead(part) }
        if !held.isEmpty { context.fireChannelReadComplete() }
        self.readIfHeldBack()
    }

    // MARK: Its answer

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .plain = self.state else { return context.write(data, promise: promise) }
        switch self.unwrapOutboundIn(data) {
        case .head(var head):
            // RFC 9113, section 8.2.2: what describes a connection of HTTP/1.1 makes an answer malformed.
            for name in HTTPField.Name.ofConnection { head.headerFields[name] = nil }
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .body(var bytes):
            while bytes.readableBytes > StreamAnswer.pieceSize,
                let piece = bytes.readSlice(length: StreamAnswer.pieceSize)
            {
                self.write(.body(piece), nil, context)
            }
            self.write(.body(bytes), promise, context)
        case .end: self.write(self.unwrapOutboundIn(data), promise, context)
        }
    }

    private func write(_ part: HTTPResponsePart, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        var isLast = false
        if case .end = part { isLast = true }
        let eventLoop = context.eventLoop
        self.answer.wrote(isLast: isLast, at: eventLoop.now)
        let done = promise ?? eventLoop.makePromise(of: Void.self)
        done.futureResult.assumeIsolated().whenComplete { _ in
            guard self.answer.sent(at: eventLoop.now) else { return }
            self.answerTimer?.cancel()
            self.answerTimer = nil
            self.leaveGate()
        }
        context.write(self.wrapOutboundOut(part), promise: done)
    }

    public func flush(context: ChannelHandlerContext) {
        context.flush()
        if self.answer.hasUnsent, self.answerTimer == nil, self.context != nil { self.watchAnswer(context) }
    }

    /// Ends the stream when the client takes nothing of its answer for too long.
    private func watchAnswer(_ context: ChannelHandlerContext) {
        let timeout = self.settings.limits.answerTimeout
        let eventLoop = context.eventLoop
        self.answerTimer = eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(timeout.nanoseconds / 4)) {
            self.answerTimer = nil
            guard let context = self.context, self.answer.hasUnsent else { return }
            guard self.answer.isStalled(at: eventLoop.now, timeout: timeout) else { return self.watchAnswer(context) }
            StalledAnswerCounter.count()
            self.settings.logger.info(
                "closing a stream",
                metadata: [
                    "reason": "the client does not read its answer", "address": "\(self.settings.peer?.text ?? "-")",
                ])
            context.close(promise: nil)
        }
    }
}

extension WebSocketStreamUpgradeHandler: StreamGate.Visitor {
    package func pass() -> Bool {
        guard let context = self.context, case .waiting(let head) = self.state, context.channel.isActive else {
            return false
        }
        self.isInsideGate = true
        self.install(context, head)
        self.releaseHeld(context)
        return true
    }
}

extension HTTPField.Name {
    /// The headers that describe a connection of HTTP/1.1.
    static let ofConnection: [Self] = [
        .connection, .upgrade, .transferEncoding, Self("Keep-Alive")!, Self("Proxy-Connection")!,
    ]
}

@available(*, unavailable)
extension WebSocketStreamUpgradeHandler: Sendable {}
