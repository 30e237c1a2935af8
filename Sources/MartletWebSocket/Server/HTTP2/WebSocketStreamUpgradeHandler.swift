import DequeModule
import HTTPTypes
public import Logging
import MartletProtocol
public import NIOCore
public import NIOHTTPTypes

/// Decides of an HTTP/2 stream whether it becomes a WebSocket (RFC 8441) or is plain HTTP.
///
/// Sits behind `HTTP2FramePayloadToHTTPServerCodec` of a stream's channel.
public final class WebSocketStreamUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    private enum State {
        /// The head has not come.
        case ready
        /// The `authorize` hook has been asked.
        case deciding
        case plain
        case finished
    }

    private let logger: Logger
    private let trustedProxies: TrustedProxies
    private let timeout: TimeAmount
    private let peer: SocketAddress?
    private let endpoint: WebSocketUpgradeHandler.EndpointLookup
    private let installHTTPSide: (any Channel) throws -> Void
    private var onUpgrade: (() -> Void)?
    private var state = State.ready
    private var held: Deque<NIOAny> = []
    private var readWasHeldBack = false
    private var isDraining = false
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
        self.timeout = limits.handshakeTimeout
        self.trustedProxies = trustedProxies
        self.peer = peer
        self.logger = logger
        self.endpoint = endpoint
        self.installHTTPSide = installHTTPSide
        self.onUpgrade = onUpgradeWithoutHTTP
    }

    public func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.state = .finished
        self.settle()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .ready:
            guard case .head(let request) = self.unwrapInboundIn(data) else { return }
            if ServerHandshake.isExtendedConnect(request) {
                self.decide(context, request)
            } else {
                self.pass(context, data)
            }
        case .plain: context.fireChannelRead(data)
        case .deciding: self.held.append(data)
        case .finished:
            if case .end = self.unwrapInboundIn(data) { context.close(promise: nil) }
        }
    }

    /// While the hook is asked, nothing more is read.
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

    private func pass(_ context: ChannelHandlerContext, _ head: NIOAny) {
        do {
            try self.installHTTPSide(context.channel)
            self.onUpgrade = nil
            self.state = .plain
            context.fireChannelRead(head)
        } catch {
            self.logger.error("cannot serve HTTP on a stream", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    private func decide(_ context: ChannelHandlerContext, _ head: HTTPRequest) {
        self.state = .deciding
        let server: ServerHandshake
        do {
            server = try ServerHandshake(extendedConnect: head)
        } catch {
            let response = ServerHandshake.refusal(of: error)
            self.refuse(response.status, response.headerFields, reason: error.reason)
            return
        }
        // Endpoints are looked up, and handlers written, for the request that HTTP/1.1 would have had.
        var request = head
        request.method = .get
        guard let endpoint = self.endpoint(request) else {
            self.refuse(.notFound, reason: "there is no WebSocket endpoint at this path")
            return
        }
        let client = self.trustedProxies.client(of: head, peer: self.peer, isSecure: true)
        if let authority = client.authority { request.authority = authority }
        let asked = WebSocketRequest(
            head: request, remoteAddress: self.peer, clientAddress: client.address, isSecure: client.isSecure,
            subprotocol: server.selectSubprotocol(from: endpoint.subprotocols))
        guard let authorize = endpoint.authorize else {
            self.accept(server, asked, endpoint, [:])
            return
        }
        guard self.checkOrigin(asked, endpoint) else { return }
        let eventLoop = context.eventLoop
        self.timer = eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            self.refuse(.serviceUnavailable, reason: "the authorization took too long")
        }
        let bound = NIOLoopBound((self, server, endpoint), eventLoop: eventLoop)
        Task {
            let authorization = await authorize(asked)
            eventLoop.execute {
                let (handler, server, endpoint) = bound.value
                handler.timer?.cancel()
                switch authorization.decision {
                case .allow(let fields): handler.accept(server, asked, endpoint, fields)
                case .refuse(let status, let fields, let reason): handler.refuse(status, fields, reason: reason)
                case .proceed(let endpoint, let fields):
                    var asked = asked
                    asked.subprotocol = server.selectSubprotocol(from: endpoint.subprotocols)
                    handler.accept(server, asked, endpoint, fields)
                }
            }
        }
    }

    private func checkOrigin(_ request: WebSocketRequest, _ endpoint: WebSocketEndpoint) -> Bool {
        if endpoint.origin.allows(request.head, isSecure: request.isSecure) { return true }
        let origin = request.head.headerFields[.origin] ?? ""
        self.refuse(.forbidden, reason: "pages of the origin \(origin) may not connect here")
        return false
    }

    private func refuse(_ status: HTTPResponse.Status, _ fields: HTTPFields = [:], reason: String) {
        guard case .deciding = self.state, let context = self.context else { return }
        self.state = .finished
        RefusalCounter.count(status: status.code)
        self.logger.info(
            "refused a WebSocket handshake", metadata: ["status": "\(status.code)", "reason": "\(reason)"])
        var fields = fields
        if fields[.contentType] == nil { fields[.contentType] = "text/plain; charset=utf-8" }
        fields[.contentLength] = String(reason.utf8.count)
        // Names of HTTP/1.1 connections have no place here (RFC 9113, section 8.2.2).
        for name in [HTTPField.Name.connection, .upgrade] { fields[name] = nil }
        context.write(self.wrapOutboundOut(.head(.init(status: status, headerFields: fields))), promise: nil)
        context.write(self.wrapOutboundOut(.body(ByteBuffer(string: reason))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        // The client has until the timeout to end its half of the stream.
        self.timer?.cancel()
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            context.close(promise: nil)
        }
        self.settle()
        self.readIfHeldBack()
    }

    private func accept(
        _ server: ServerHandshake, _ request: WebSocketRequest, _ endpoint: WebSocketEndpoint, _ fields: HTTPFields
    ) {
        guard case .deciding = self.state, let context = self.context, context.channel.isActive,
            self.checkOrigin(request, endpoint)
        else { return }
        self.state = .finished
        let compression = endpoint.configuration.compression.flatMap {
            DeflateParameters.accept(server.offeredExtensions, configuration: $0)
        }
        let response = server.response(
            subprotocol: request.subprotocol, extensions: compression.map { [$0.answer] } ?? [], extraFields: fields)
        context.writeAndFlush(self.wrapOutboundOut(.head(response)), promise: nil)
        let socket = WebSocket(
            role: .server, configuration: endpoint.configuration, subprotocol: request.subprotocol,
            compression: compression?.parameters, isPlainTCP: false, isSocket: false,
            handler: endpoint.makeHandler(request, context.eventLoop), eventLoop: context.eventLoop)
        let pipeline = context.pipeline.syncOperations
        do {
            let bytes = HTTP2StreamBytes()
            try pipeline.addHandler(bytes, position: .after(self))
            try pipeline.addHandler(socket, position: .after(bytes))
        } catch {
            self.logger.error("cannot upgrade a stream", metadata: ["error": "\(error)"])
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
