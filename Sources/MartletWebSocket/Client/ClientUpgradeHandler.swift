import HTTPTypes
import MartletHTTP
import MartletProtocol
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1
import NIOSSL

/// Sends the opening handshake of a client, checks the response, and puts a ``WebSocket`` in its place.
final class ClientUpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// The longest part of a refusal's body, in bytes, that becomes part of the error.
    private static let keptBodyLength = 512

    private let handshake: ClientHandshake
    private let request: HTTPRequest
    private let isPlainTCP: Bool
    private let configuration: WebSocketClient.Configuration
    private let deadline: NIODeadline
    private let makeHandler: @Sendable (any EventLoop) -> any WebSocketHandler
    private let opened: EventLoopPromise<HTTPResponse>
    private let encoder = HTTPRequestEncoder()
    private let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
    private var response: HTTPResponse?
    /// Whether the decoder reads nothing after the response as HTTP.
    private var hasDecoderStopped = false
    private var body = ByteBuffer()
    private var isSettled = false
    /// The bytes after the response, while the decoder is being removed.
    private var leftovers: [ByteBuffer]?
    private var timer: Scheduled<Void>?

    init(
        handshake: ClientHandshake,
        request: HTTPRequest,
        isPlainTCP: Bool,
        configuration: WebSocketClient.Configuration,
        deadline: NIODeadline,
        makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler,
        opened: EventLoopPromise<HTTPResponse>
    ) {
        self.handshake = handshake
        self.request = request
        self.isPlainTCP = isPlainTCP
        self.configuration = configuration
        self.deadline = deadline
        self.makeHandler = makeHandler
        self.opened = opened
    }

    /// Adds the HTTP/1 codec and this handler to the end of a connected channel's pipeline, and sends the request.
    func install(on channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandlers(self.encoder, self.decoder, self)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: self.deadline) {
            self.fail(
                context, WebSocketError(.timeout, reason: "the server did not answer the opening handshake in time"))
        }
        guard context.channel.isActive else {
            self.channelInactive(context: context)
            return
        }
        do {
            let head = try HTTPRequestHead(self.request)
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        } catch {
            self.fail(context, WebSocketError(.handshakeFailed, reason: "the request is not valid HTTP", cause: error))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.leftovers != nil {
            self.leftovers?.append(ByteReader().unwrapInboundIn(data))
            return
        }
        guard !self.isSettled else { return }
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.response = try? HTTPResponse(head)
            self.hasDecoderStopped = DecoderStop.stops(after: head)
        case .body(var bytes):
            let room = Self.keptBodyLength - self.body.readableBytes
            if let kept = bytes.readSlice(length: min(room, bytes.readableBytes)) {
                self.body.writeImmutableBuffer(kept)
            }
            if self.body.readableBytes == Self.keptBodyLength { self.judge(context) }
        case .end:
            self.judge(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(
            context, WebSocketError(.handshakeFailed, reason: "the server ended the connection without an answer"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.leftovers != nil {
            self.opened.fail(WebSocketError(.handshakeFailed, reason: "the connection broke", cause: error))
            context.close(promise: nil)
            return
        }
        switch error {
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self.fail(context, WebSocketError(.tlsFailed, reason: "TLS with the server failed", cause: error))
        case is HTTPParserError:
            self.fail(
                context,
                WebSocketError(.handshakeFailed, reason: "the server's answer is not valid HTTP", cause: error))
        default:
            self.fail(context, WebSocketError(.handshakeFailed, reason: "the connection broke", cause: error))
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ error: WebSocketError) {
        guard !self.isSettled else { return }
        self.isSettled = true
        self.timer?.cancel()
        self.opened.fail(error)
        context.close(promise: nil)
    }

    private func judge(_ context: ChannelHandlerContext) {
        guard let response = self.response else { return }
        let agreement: ClientHandshake.Agreement
        do {
            agreement = try self.handshake.check(response)
        } catch {
            let text = String(buffer: self.body).trimmingPrefix { $0.isWhitespace }
            let reason = text.isEmpty ? error.reason : "\(error.reason): \(text)"
            self.fail(context, WebSocketError(.handshakeFailed, reason: reason, cause: error))
            return
        }
        guard self.hasDecoderStopped else {
            self.fail(
                context, WebSocketError(.handshakeFailed, reason: "the header Connection of the answer is malformed"))
            return
        }
        self.isSettled = true
        self.timer?.cancel()
        // A removed decoder hands over its bytes untyped, in a later tick: see WebSocketUpgradeHandler. Until then
        // nothing may be sent, since the decoder sees what is written as well.
        self.leftovers = []
        context.pipeline.syncOperations.removeHandler(self.decoder).assumeIsolated().whenSuccess {
            self.becomeWebSocket(context, response, agreement)
        }
    }

    private func becomeWebSocket(
        _ context: ChannelHandlerContext, _ response: HTTPResponse, _ agreement: ClientHandshake.Agreement
    ) {
        guard context.channel.isActive else {
            self.opened.fail(
                WebSocketError(.handshakeFailed, reason: "the connection broke after the opening handshake"))
            return
        }
        let pipeline = context.pipeline.syncOperations
        let socket = WebSocket(
            role: .client, configuration: self.configuration.webSocket, subprotocol: agreement.subprotocol,
            compression: agreement.compression, handshakeFields: response.headerFields, isPlainTCP: self.isPlainTCP,
            handler: self.makeHandler(context.eventLoop), eventLoop: context.eventLoop)
        pipeline.removeHandler(self.encoder, promise: nil)
        do {
            try pipeline.addHandler(socket, position: .after(self))
        } catch {
            self.opened.fail(error)
            context.close(promise: nil)
            return
        }
        self.opened.succeed(response)
        for bytes in self.leftovers ?? [] { context.fireChannelRead(NIOAny(bytes)) }
        context.fireChannelReadComplete()
        self.leftovers = nil
        pipeline.removeHandler(self, promise: nil)
    }
}
