import HTTPTypes
import MartletProtocol
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Sends the opening handshake of a client, checks the answer, and puts a ``WebSocket`` in its place.
final class ClientUpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// As much of a refusal's body as becomes part of the error.
    private static let keptBodyLength = 512

    private let handshake: ClientHandshake
    private let request: HTTPRequest
    private let configuration: WebSocketClient.Configuration
    private let makeHandler: @Sendable (any EventLoop) -> any WebSocketHandler
    private let opened: EventLoopPromise<Void>
    private let encoder = HTTPRequestEncoder()
    private let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
    private var response: HTTPResponse?
    private var body = ByteBuffer()
    private var isSettled = false
    private var timer: Scheduled<Void>?

    init(
        handshake: ClientHandshake,
        request: HTTPRequest,
        configuration: WebSocketClient.Configuration,
        makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler,
        opened: EventLoopPromise<Void>
    ) {
        self.handshake = handshake
        self.request = request
        self.configuration = configuration
        self.makeHandler = makeHandler
        self.opened = opened
    }

    func install(on channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandlers(self.encoder, self.decoder, self)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.handshakeTimeout) {
            self.fail(context, WebSocketError(.timeout, reason: "the server did not answer the handshake in time"))
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
        guard !self.isSettled else { return }
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.response = try? HTTPResponse(head)
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
        self.fail(
            context, WebSocketError(.handshakeFailed, reason: "the server's answer is not valid HTTP", cause: error))
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
        self.isSettled = true
        self.timer?.cancel()
        let pipeline = context.pipeline.syncOperations
        let socket = WebSocket(
            role: .client, configuration: self.configuration.webSocket, subprotocol: agreement.subprotocol,
            compression: agreement.compression,
            isPlainTCP: true, handler: self.makeHandler(context.eventLoop), eventLoop: context.eventLoop)
        // The decoder hands the bytes behind the answer to whoever comes next: see WebSocketUpgradeHandler.
        do {
            pipeline.removeHandler(self, promise: nil)
            pipeline.removeHandler(self.encoder, promise: nil)
            try pipeline.addHandler(socket)
            self.opened.succeed()
        } catch {
            self.opened.fail(error)
            context.close(promise: nil)
        }
        // What the decoder leaves over is read without an end of the read, and that is when answers are sent.
        pipeline.removeHandler(self.decoder).assumeIsolated().whenSuccess {
            context.channel.pipeline.fireChannelReadComplete()
        }
    }
}
