// Refusals and upgrades.
import DequeModule
import HTTPTypes
import Logging
import MartletProtocol
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

extension WebSocketUpgradeHandler {
    func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields, body: String, keepAlive: Bool) {
        guard let context = self.context else { return }
        var headers = HTTPHeaders(fields)
        if !headers.contains(name: "Content-Type") {
            headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        }
        headers.replaceOrAdd(name: "Content-Length", value: String(body.utf8.count))
        headers.add(name: "Connection", value: keepAlive ? "keep-alive" : "close")
        context.write(
            self.wrapOutboundOut(
                .head(.init(version: .http1_1, status: .init(statusCode: status.code), headers: headers))), promise: nil
        )
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: self.pendingWrite(context))
    }

    /// Refuses a handshake; the connection lives on when the client wants it to, and may.
    func refuse(
        _ handshake: Handshake, _ status: HTTPResponse.Status, _ fields: HTTPFields = [:], reason: String,
        mayStay: Bool = true
    ) {
        self.logRefusal(status, path: WebSocketRequest.path(of: handshake.request), reason: reason)
        self.refusalCount += 1
        self.releaseAdmission()
        let keepAlive =
            mayStay && handshake.head.isKeepAlive && !self.isDraining && self.refusalCount < Self.refusalLimit
        self.respond(status, fields, body: reason, keepAlive: keepAlive)
        guard keepAlive else {
            self.finishAfterFlush()
            return
        }
        self.state = .ready
        if self.httpSide == nil { self.startTimer() }
        if Self.stopsDecoder(handshake.head) { self.replaceDecoder() } else { self.resume() }
    }

    func refuseAndClose(_ status: HTTPResponse.Status, reason: String) {
        if case .finished = self.state { return }
        self.logRefusal(status, path: nil, reason: reason)
        self.respond(status, [:], body: reason, keepAlive: false)
        self.finishAfterFlush()
    }

    func logRefusal(_ status: HTTPResponse.Status, path: String?, reason: String) {
        RefusalCounter.count(status: status.code)
        self.logger.info(
            "refused a request",
            metadata: [
                "status": "\(status.code)", "reason": "\(reason)", "path": "\(path ?? "-")",
                "address": "\(self.context?.channel.remoteAddress?.text ?? "-")",
            ])
    }

    /// The answer is in NIO's hands; `close` waits for it to be written.
    func finishAfterFlush() {
        self.state = .finished
        self.heldParts = []
        self.afterRead = nil
        self.stopTimer()
        guard let context = self.context else { return }
        context.close(mode: .output, promise: nil)
        // The client has until the timeout to end its half: see WebSocket.closeFrameLeft().
        self.startTimer()
    }

    func accept(
        _ handshake: Handshake, _ endpoint: WebSocketEndpoint, _ server: ServerHandshake, _ request: WebSocketRequest,
        _ fields: HTTPFields
    ) {
        self.endHTTP { self.switchProtocols(endpoint, server, request, fields) }
    }

    /// Gives the connection to a stream's handler.
    func accept(_ makeHandler: @escaping (any EventLoop) -> any ChannelHandler) {
        self.endHTTP {
            guard let context = self.context else { return }
            self.removeDecoder(whenWritten: context.eventLoop.makeSucceededVoidFuture()) {
                self.become(makeHandler(context.eventLoop))
            }
        }
    }

    /// The HTTP side, if there is one, sees the end of the input and ends its output, which goes no further than this
    /// handler.
    private func endHTTP(then next: @escaping () -> Void) {
        guard self.httpSide != nil else { return next() }
        self.state = .endingHTTP(next)
        self.context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    func switchProtocols(
        _ endpoint: WebSocketEndpoint, _ server: ServerHandshake, _ request: WebSocketRequest, _ fields: HTTPFields
    ) {
        guard let context = self.context else { return }
        let compression = endpoint.configuration.compression.flatMap {
            DeflateParameters.accept(server.offeredExtensions, configuration: $0)
        }
        let response = server.response(
            subprotocol: request.subprotocol, extensions: compression.map { [$0.answer] } ?? [], extraFields: fields)
        let headers = HTTPHeaders(response.headerFields)
        let promise = context.eventLoop.makePromise(of: Void.self)
        self.removeDecoder(whenWritten: promise.futureResult) { [isSecure = self.isSecure] in
            let eventLoop = context.eventLoop
            let socket = WebSocket(
                role: .server, configuration: endpoint.configuration, subprotocol: request.subprotocol,
                compression: compression?.parameters,
                isPlainTCP: !isSecure, handler: endpoint.makeHandler(request, eventLoop),
                eventLoop: eventLoop)
            self.become(socket)
        }
        context.write(
            self.wrapOutboundOut(.head(.init(version: .http1_1, status: .switchingProtocols, headers: headers))),
            promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    /// The connection is this handler's from here on.
    func become(_ handler: any ChannelHandler) {
        guard let context = self.context, context.channel.isActive else { return }
        let pipeline = context.pipeline.syncOperations
        // From here on nothing in the pipeline may take a write for HTTP: the handler may send at once.
        self.state = .finished
        self.settleWithoutHTTP()
        if let admission = self.admission {
            context.channel.closeFuture.whenComplete { _ in admission.end() }
            self.admission = nil
        }
        for handler in self.httpSide?.removableHandlers ?? [] { pipeline.removeHandler(handler, promise: nil) }
        pipeline.removeHandler(self.encoder, promise: nil)
        do {
            try pipeline.addHandler(handler, position: .after(self))
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
