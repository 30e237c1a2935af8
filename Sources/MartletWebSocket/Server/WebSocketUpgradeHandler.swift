public import HTTPTypes
public import Logging
import MartletProtocol
public import NIOCore
public import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Sits behind the HTTP/1 codec of a server connection and decides of each request whether it becomes a WebSocket.
///
/// Requests for a ``WebSocketEndpoint`` are answered here: 101 and a ``WebSocket`` in the pipeline, or a refusal, after
/// which the connection lives on. All others go to the HTTP side, whose handlers are added when the first one comes.
///
/// Two peculiarities of NIO's `HTTPDecoder` shape this type:
/// - After a request with `Connection: Upgrade` it parses nothing more, ever. So when there is no upgrade, the decoder
///   is replaced by a new one, which gets the bytes that the old one held.
/// - A removed decoder hands over its bytes untyped, in a later tick. So removal starts only between reads, when it is
///   certain that nothing else can come.
public final class WebSocketUpgradeHandler {
    public typealias EndpointLookup = @Sendable (HTTPRequest) -> WebSocketEndpoint?

    /// The HTTP side of a connection.
    public struct HTTPSide {
        /// Handlers that leave the pipeline when a later request upgrades.
        public var removableHandlers: [any RemovableChannelHandler]

        public init(removableHandlers: [any RemovableChannelHandler]) { self.removableHandlers = removableHandlers }
    }

    /// Adds the HTTP side to the end of the pipeline.
    public typealias HTTPSideInstaller = (any Channel) throws -> HTTPSide

    private enum State {
        /// The next part is the head of a request.
        case ready
        /// A request is on its way to the HTTP side.
        case passing(stopsDecoder: Bool)
        /// A handshake, the end of which has not come.
        case receiving(Handshake)
        /// A handshake that must wait for the answers to earlier requests.
        case waiting(Handshake)
        /// The `authorize` hook has been asked.
        case deciding(Handshake)
        /// The HTTP side has been told that there is no more input, and has not ended its output yet.
        case endingHTTP(() -> Void)
        /// The decoder has stopped and will be removed once no read is under way.
        case keepingDecoder
        /// The decoder is being removed; what it held comes as bytes.
        case removingDecoder
        case finished
    }

    private struct Handshake {
        let head: HTTPRequestHead
        let request: HTTPRequest
        let endpoint: WebSocketEndpoint
        var hasBody = false
    }

    private let limits: HTTPLimits
    private let isSecure: Bool
    private let logger: Logger
    private let endpoint: EndpointLookup
    private let installHTTPSide: HTTPSideInstaller?
    private var onUpgradeWithoutHTTP: (() -> Void)?

    private let encoder = HTTPResponseEncoder()
    private var decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var context: ChannelHandlerContext?
    private var state = State.ready
    private var httpSide: HTTPSide?
    /// Requests that the HTTP side has not answered to the end.
    private var unanswered = 0
    /// Parts that came while the state allowed none; at most what one read brings.
    private var heldParts: [HTTPServerRequestPart] = []
    private var leftovers: [ByteBuffer] = []
    private var isInRead = false
    private var readWasHeldBack = false
    private var isDraining = false
    /// What to do once the current read is over.
    private var afterRead: (() -> Void)?
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - endpoint: the endpoint for a request, by its path; `nil` for plain HTTP.
    ///   - installHTTPSide: `nil` for a server without one: plain requests get 404.
    ///   - onUpgradeWithoutHTTP: called when the connection upgrades or ends and never had an HTTP side.
    public init(
        limits: HTTPLimits,
        isSecure: Bool,
        logger: Logger,
        endpoint: @escaping EndpointLookup,
        installHTTPSide: HTTPSideInstaller? = nil,
        onUpgradeWithoutHTTP: @escaping () -> Void = {}
    ) {
        self.limits = limits
        self.isSecure = isSecure
        self.logger = logger
        self.endpoint = endpoint
        self.installHTTPSide = installHTTPSide
        self.onUpgradeWithoutHTTP = onUpgradeWithoutHTTP
        self.decoder = Self.makeDecoder(limits)
    }

    /// Adds the HTTP/1 codec and this handler to the end of a new channel's pipeline.
    public func install(on channel: any Channel) throws {
        // Small at first: a connection keeps the first buffer that it read into.
        try channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536))
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        try channel.pipeline.syncOperations.addHandlers(self.encoder, self.decoder, self)
    }

    private static func makeDecoder(_ limits: HTTPLimits) -> ByteToMessageHandler<HTTPRequestDecoder> {
        ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits.decoderLimits))
    }
}

@available(*, unavailable)
extension WebSocketUpgradeHandler: Sendable {}

/// Unwraps what a removed decoder leaves over: bytes, where this handler's input is otherwise HTTP parts.
private struct ByteReader {
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
    }

    func unwrapInboundIn(_ data: NIOAny) -> ByteBuffer { Handler().unwrapInboundIn(data) }
}

// MARK: - Channel events

extension WebSocketUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.startTimer()
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.stop()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.stop()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .removingDecoder = self.state {} else { self.isInRead = true }
        switch self.state {
        case .removingDecoder:
            self.leftovers.append(ByteReader().unwrapInboundIn(data))
        case .ready, .passing, .receiving:
            self.handle(self.unwrapInboundIn(data))
        case .waiting, .deciding, .endingHTTP, .keepingDecoder:
            self.heldParts.append(self.unwrapInboundIn(data))
        case .finished:
            break
        }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        self.isInRead = false
        context.fireChannelReadComplete()
        if let action = self.afterRead {
            self.afterRead = nil
            action()
        }
    }

    public func read(context: ChannelHandlerContext) {
        switch self.state {
        case .ready, .passing, .receiving: context.read()
        case .waiting, .deciding, .endingHTTP, .keepingDecoder, .removingDecoder: self.readWasHeldBack = true
        case .finished: context.read()
        }
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        if case .finished = self.state { return }  // a WebSocket's bytes
        guard case .end = self.unwrapOutboundIn(data) else { return }
        self.unanswered -= 1
        if self.unanswered == 0, case .waiting(let handshake) = self.state {
            context.eventLoop.assumeIsolated().execute { self.decide(handshake) }
        }
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output, case .endingHTTP(let next) = self.state else {
            context.close(mode: mode, promise: promise)
            return
        }
        promise?.succeed()
        next()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard self.httpSide == nil, let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            if self.httpSide == nil { context.close(promise: nil) }
            return
        }
        let isTooLong = error == .headerOverflow
        self.refuseAndClose(
            isTooLong ? .requestHeaderFieldsTooLarge : .badRequest,
            reason: isTooLong
                ? "the headers are longer than \(self.limits.maximumHeaderSize) bytes"
                    + " or more than \(self.limits.maximumHeaderCount)"
                : "not a valid HTTP/1.1 request: \(error)")
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.httpSide == nil {
            switch (event, self.state) {
            case (ChannelEvent.inputClosed, _):
                context.close(promise: nil)
            case (is ChannelShouldQuiesceEvent, .ready):
                context.close(promise: nil)
            case (is ChannelShouldQuiesceEvent, _):
                self.isDraining = true
            default: break
            }
        } else if event is ChannelShouldQuiesceEvent, case .ready = self.state {
            context.fireUserInboundEventTriggered(event)
        } else if event is ChannelShouldQuiesceEvent, case .passing = self.state {
            context.fireUserInboundEventTriggered(event)
        } else if event is ChannelShouldQuiesceEvent {
            self.isDraining = true
            return
        }
        context.fireUserInboundEventTriggered(event)
    }
}

// MARK: - Requests

extension WebSocketUpgradeHandler {
    private func handle(_ part: HTTPServerRequestPart) {
        switch (part, self.state) {
        case (.head(let head), .ready):
            self.handle(head)
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

    private func handle(_ head: HTTPRequestHead) {
        guard let context = self.context else { return }
        guard let request = try? HTTPRequest(head, secure: self.isSecure, splitCookie: false) else {
            self.refuseAndClose(.badRequest, reason: "not a valid HTTP/1.1 request")
            return
        }
        if let endpoint = self.endpoint(request) {
            self.state = .receiving(Handshake(head: head, request: request, endpoint: endpoint))
            return
        }
        guard let install = self.installHTTPSide else {
            self.respond(.notFound, [:], body: "there is no WebSocket endpoint at this path", keepAlive: false)
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

    /// Whether NIO's decoder parses nothing after this request: llhttp's rule.
    private static func stopsDecoder(_ head: HTTPRequestHead) -> Bool {
        head.method == .CONNECT
            || head.headers.contains(name: "upgrade")
                && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }

    private func decide(_ handshake: Handshake) {
        guard let context = self.context, context.channel.isActive else { return }
        guard self.heldParts.isEmpty, !handshake.hasBody else {
            self.refuse(handshake, .badRequest, reason: "a WebSocket handshake has no body and nothing behind it")
            return
        }
        guard handshake.head.version.major == 1, handshake.head.version.minor >= 1,
            handshake.head.headers["host"].count == 1
        else {
            self.refuse(handshake, .badRequest, reason: "a WebSocket handshake is HTTP/1.1 with one Host header")
            return
        }
        let server: ServerHandshake
        do {
            server = try ServerHandshake(request: handshake.request)
        } catch {
            let response = ServerHandshake.refusal(of: error)
            self.refuse(handshake, response.status, response.headerFields, reason: error.reason)
            return
        }
        guard handshake.endpoint.origin.allows(handshake.request, isSecure: self.isSecure) else {
            let origin = handshake.request.headerFields[.origin] ?? ""
            self.refuse(handshake, .forbidden, reason: "pages of the origin \(origin) may not connect here")
            return
        }
        let request = WebSocketRequest(
            head: handshake.request, remoteAddress: context.channel.remoteAddress, isSecure: self.isSecure,
            subprotocol: server.selectSubprotocol(from: handshake.endpoint.subprotocols))
        guard let authorize = handshake.endpoint.authorize else {
            self.accept(handshake, server, request, [:])
            return
        }
        self.state = .deciding(handshake)
        self.startTimer()
        let bound = NIOLoopBound((self, handshake, server), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        Task {
            let authorization = await authorize(request)
            eventLoop.execute {
                let (handler, handshake, server) = bound.value
                guard case .deciding = handler.state else { return }
                handler.stopTimer()
                switch authorization.decision {
                case .allow(let fields): handler.accept(handshake, server, request, fields)
                case .refuse(let status, let reason): handler.refuse(handshake, status, reason: reason)
                }
            }
        }
    }
}

// MARK: - Answers

extension WebSocketUpgradeHandler {
    private func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields, body: String, keepAlive: Bool) {
        guard let context = self.context else { return }
        var headers = HTTPHeaders(fields)
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "Content-Length", value: String(body.utf8.count))
        headers.add(name: "Connection", value: keepAlive ? "keep-alive" : "close")
        context.write(
            self.wrapOutboundOut(
                .head(.init(version: .http1_1, status: .init(statusCode: status.code), headers: headers))), promise: nil
        )
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Refuses a handshake; the connection lives on when the client wants it to.
    private func refuse(
        _ handshake: Handshake, _ status: HTTPResponse.Status, _ fields: HTTPFields = [:], reason: String
    ) {
        self.logRefusal(status, path: WebSocketRequest.path(of: handshake.request), reason: reason)
        let keepAlive = handshake.head.isKeepAlive && !self.isDraining
        self.respond(status, fields, body: reason, keepAlive: keepAlive)
        guard keepAlive else {
            self.finishAfterFlush()
            return
        }
        self.state = .ready
        if self.httpSide == nil { self.startTimer() }
        if Self.stopsDecoder(handshake.head) { self.replaceDecoder() } else { self.resume() }
    }

    private func refuseAndClose(_ status: HTTPResponse.Status, reason: String) {
        if case .finished = self.state { return }
        self.logRefusal(status, path: nil, reason: reason)
        self.respond(status, [:], body: reason, keepAlive: false)
        self.finishAfterFlush()
    }

    private func logRefusal(_ status: HTTPResponse.Status, path: String?, reason: String) {
        self.logger.info(
            "refused a WebSocket handshake",
            metadata: [
                "status": "\(status.code)", "reason": "\(reason)", "path": "\(path ?? "-")",
                "address": "\(self.context?.channel.remoteAddress?.description ?? "-")",
            ])
    }

    /// The answer is in NIO's hands; `close` waits for it to be written.
    private func finishAfterFlush() {
        self.state = .finished
        self.heldParts = []
        self.stopTimer()
        guard let context = self.context else { return }
        context.close(mode: .output, promise: nil)
        // The client has until the timeout to end its half: see WebSocket.closeFrameLeft().
        self.startTimer()
    }

    private func accept(
        _ handshake: Handshake, _ server: ServerHandshake, _ request: WebSocketRequest, _ fields: HTTPFields
    ) {
        guard self.httpSide != nil else {
            self.switchProtocols(handshake, server, request, fields)
            return
        }
        // The HTTP side sees the end of the input and ends its output, which goes no further than this handler.
        self.state = .endingHTTP {
            self.switchProtocols(handshake, server, request, fields)
        }
        self.context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    private func switchProtocols(
        _ handshake: Handshake, _ server: ServerHandshake, _ request: WebSocketRequest, _ fields: HTTPFields
    ) {
        guard let context = self.context else { return }
        let response = server.response(subprotocol: request.subprotocol, extraFields: fields)
        let headers = HTTPHeaders(response.headerFields)
        let promise = context.eventLoop.makePromise(of: Void.self)
        self.removeDecoder(whenWritten: promise.futureResult) { [isSecure = self.isSecure] in
            let eventLoop = context.eventLoop
            let socket = WebSocket(
                role: .server, configuration: handshake.endpoint.configuration, subprotocol: request.subprotocol,
                isPlainTCP: !isSecure, handler: handshake.endpoint.makeHandler(request, eventLoop),
                eventLoop: eventLoop)
            self.becomeWebSocket(socket)
        }
        context.write(
            self.wrapOutboundOut(.head(.init(version: .http1_1, status: .switchingProtocols, headers: headers))),
            promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    private func becomeWebSocket(_ socket: WebSocket) {
        guard let context = self.context, context.channel.isActive else { return }
        let pipeline = context.pipeline.syncOperations
        // From here on nothing in the pipeline may take a write for HTTP: the handler may send at once.
        self.state = .finished
        self.settleWithoutHTTP()
        for handler in self.httpSide?.removableHandlers ?? [] { pipeline.removeHandler(handler, promise: nil) }
        pipeline.removeHandler(self.encoder, promise: nil)
        do {
            try pipeline.addHandler(socket, position: .after(self))
        } catch {
            self.logger.error("cannot upgrade a connection", metadata: ["error": "\(error)"])
            context.close(promise: nil)
            return
        }
        for bytes in self.leftovers { context.fireChannelRead(NIOAny(bytes)) }
        context.fireChannelReadComplete()
        if self.isDraining { context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        self.leftovers = []
        pipeline.removeHandler(self, promise: nil)
    }
}

// MARK: - Replacing the decoder

extension WebSocketUpgradeHandler {
    /// Runs `action` when no read is under way, so that no part can come any more.
    private func betweenReads(_ action: @escaping () -> Void) {
        if self.isInRead { self.afterRead = action } else { action() }
    }

    private func removeDecoder(whenWritten written: EventLoopFuture<Void>, then next: @escaping () -> Void) {
        guard let context = self.context else { return }
        // Until then nothing can come: the decoder has stopped, or what it says is held and proves the opposite.
        self.state = .keepingDecoder
        written.assumeIsolated().whenSuccess {
            self.betweenReads {
                guard self.heldParts.isEmpty else {
                    // The decoder went on: this was no upgrade in its eyes, and what follows is not ours to guess.
                    context.close(promise: nil)
                    return
                }
                self.state = .removingDecoder
                context.pipeline.syncOperations.removeHandler(self.decoder).assumeIsolated().whenSuccess { next() }
            }
        }
    }

    /// Puts a new decoder in the place of one that has stopped.
    private func replaceDecoder() {
        guard let context = self.context else { return }
        self.state = .keepingDecoder
        self.betweenReads {
            guard self.heldParts.isEmpty else {
                self.state = .ready
                self.resume()
                return
            }
            self.state = .removingDecoder
            context.pipeline.syncOperations.removeHandler(self.decoder).assumeIsolated().whenSuccess {
                self.decoderWasRemoved()
            }
        }
    }

    private func decoderWasRemoved() {
        guard let context = self.context, context.channel.isActive else { return }
        let pipeline = context.pipeline.syncOperations
        self.decoder = Self.makeDecoder(self.limits)
        let bytes = self.leftovers
        self.leftovers = []
        self.state = .ready
        do {
            try pipeline.addHandler(self.decoder, position: .after(self.encoder))
            let encoderContext = try pipeline.context(handler: self.encoder)
            for bytes in bytes { encoderContext.fireChannelRead(NIOAny(bytes)) }
            if !bytes.isEmpty { encoderContext.fireChannelReadComplete() }
        } catch {
            context.close(promise: nil)
            return
        }
        self.resume()
    }

    /// Goes on with what was held back.
    private func resume() {
        while case .ready = self.state, !self.heldParts.isEmpty { self.handleHeldRequest() }
        if self.heldParts.isEmpty, self.readWasHeldBack {
            self.readWasHeldBack = false
            self.context?.read()
        }
    }

    /// Takes held parts as long as the state lets them in.
    private func handleHeldRequest() {
        while !self.heldParts.isEmpty {
            switch self.state {
            case .ready, .passing, .receiving: self.handle(self.heldParts.removeFirst())
            default: return
            }
        }
    }
}

// MARK: - Time

extension WebSocketUpgradeHandler {
    private func settleWithoutHTTP() {
        if self.httpSide == nil { self.onUpgradeWithoutHTTP?() }
        self.onUpgradeWithoutHTTP = nil
    }

    private func startTimer() {
        self.timer?.cancel()
        self.timer = self.context?.eventLoop.assumeIsolated().scheduleTask(in: self.limits.handshakeTimeout) {
            self.timer = nil
            switch self.state {
            case .finished: self.context?.close(promise: nil)
            case .deciding(let handshake):
                self.refuse(handshake, .serviceUnavailable, reason: "the authorization took too long")
            default: self.refuseAndClose(.requestTimeout, reason: "no complete request came in time")
            }
        }
    }

    private func stopTimer() {
        self.timer?.cancel()
        self.timer = nil
    }

    private func stop() {
        self.stopTimer()
        self.settleWithoutHTTP()
        self.state = .finished
        self.afterRead = nil
    }
}
