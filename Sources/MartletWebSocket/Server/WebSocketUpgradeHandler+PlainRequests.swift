// Requests that are answered on the event loop, while the connection has no HTTP side.
import HTTPTypes
import NIOCore
import NIOHTTP1

extension WebSocketUpgradeHandler {
    /// - Returns: `false` when the request is for others.
    func collect(_ head: HTTPRequestHead) -> Bool {
        guard self.httpSide == nil, let endpoint = self.requestEndpoint(head) else {
            return false
        }
        self.stopTimer()
        self.touch()
        self.state = .collecting(PlainRequest(head, endpoint))
        return true
    }

    /// A whole request past the decoder.
    ///
    /// - Returns: `false` when it must go through it.
    func take(_ head: HTTPRequestHead, _ body: ByteBuffer) -> Bool {
        guard case .ready = self.state, self.heldParts.isEmpty, !self.isDraining, !self.hasInputEnded,
            self.collect(head), case .collecting(let request) = self.state
        else { return false }
        self.isInRead = true
        if body.readableBytes > 0 { request.append(body) }
        self.answer(request)
        return true
    }

    /// A request for this handler has come through the decoder; another like it may follow.
    func expectRepetition(of head: HTTPRequestHead) {
        if self.collectedHeads.count < 2 { self.collectedHeads.append(head) }
        guard self.repetition == nil, let context = self.context else { return }
        let handler = RepeatedRequestHandler(self)
        guard (try? context.pipeline.syncOperations.addHandler(handler, position: .after(self.encoder))) != nil else {
            return
        }
        self.repetition = handler
    }

    /// Something else has come: from here on the decoder sees every byte.
    func expectNoRepetition() {
        guard let handler = self.repetition else { return }
        self.repetition = nil
        self.context?.pipeline.syncOperations.removeHandler(handler, promise: nil)
    }

    /// The request is whole.
    func answer(_ request: PlainRequest) {
        guard let context = self.context, context.channel.isActive else { return }
        self.questionCount += 1
        let question = self.questionCount
        self.state = .answering(request, question: question)
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
        guard case .answering(let request, question) = self.state, let context = self.context else { return }
        self.stopTimer()
        // Whole requests that came before the end are answered.
        let isLast = self.hasInputEnded && self.heldParts.isEmpty
        let keepAlive = request.head.isKeepAlive && !self.isDraining && !isLast
        let now = context.eventLoop.now
        self.touch(now)
        self.write(answer, keepAlive: keepAlive, now, context)
        guard keepAlive else { return self.finishAfterFlush() }
        self.state = .ready
        self.resume()
    }

    /// Past the encoder, as one buffer; to the kernel at once when nothing waits to be written.
    private func write(
        _ answer: RequestEndpoint.Answer, keepAlive: Bool, _ now: NIODeadline, _ context: ChannelHandlerContext
    ) {
        let loop = LoopContext.current(context.eventLoop)
        let start = loop.output.writerIndex
        Self.write(answer, keepAlive: keepAlive, date: loop.date.text(now), to: &loop.output)
        let length = loop.output.writerIndex - start
        let sent = loop.output.withUnsafeReadableBytes { bytes in
            self.directSocket(context)?.send(UnsafeRawBufferPointer(rebasing: bytes.suffix(length))) ?? 0
        }
        let rest = sent < length ? ByteBuffer(bytes: loop.output.readableBytesView.suffix(length - sent)) : nil
        loop.output.moveWriterIndex(to: start)
        guard let rest, let encoder = try? context.pipeline.syncOperations.context(handler: self.encoder) else {
            return
        }
        encoder.writeAndFlush(NIOAny(IOData.byteBuffer(rest)), promise: self.pendingWrite(context))
    }

    /// To be given to NIO with an answer.
    func pendingWrite(_ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
        self.pendingWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.pendingWrites -= 1 }
        return promise
    }

    /// `nil` when something before the socket changes what is written, or waits to be written.
    private func directSocket(_ context: ChannelHandlerContext) -> DirectSocket? {
        guard !self.isSecure, self.pendingWrites == 0 else { return nil }
        if let socket = self.socket { return socket }
        self.socket = DirectSocket(context.channel)
        return self.socket
    }

    private static func write(
        _ answer: RequestEndpoint.Answer, keepAlive: Bool, date: String, to bytes: inout ByteBuffer
    ) {
        if answer.status == .ok {
            bytes.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: ")
        } else {
            bytes.writeString("HTTP/1.1 \(answer.status.code) \(answer.status.reasonPhrase)\r\nContent-Type: ")
        }
        bytes.writeString(answer.contentType)
        bytes.writeStaticString("\r\nContent-Length: ")
        bytes.writeString(String(answer.body.utf8.count))
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeString(date)
        bytes.writeString(keepAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        bytes.writeString(answer.body)
    }

    // MARK: Idle connections

    /// Something has come or gone. Only connections without an HTTP side, which has a timer of its own.
    func touch() {
        if let context = self.context { self.touch(context.eventLoop.now) }
    }

    private func touch(_ now: NIODeadline) {
        guard let timeout = self.idleTimeout else { return }
        self.lastActivity = now
        if self.idleTimer == nil { self.startIdleTimer(timeout) }
    }

    private func startIdleTimer(_ time: TimeAmount) {
        self.idleTimer = self.context?.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.idleTimer = nil
            guard let timeout = self.idleTimeout, let context = self.context, self.httpSide == nil else { return }
            let left = self.lastActivity + timeout - context.eventLoop.now
            switch self.state {
            case .ready where left <= .zero: context.close(promise: nil)
            case .collecting where left <= .zero:
                self.refuseAndClose(.requestTimeout, reason: "no complete request came in time")
            case .ready, .collecting: self.startIdleTimer(left)
            case .answering: self.startIdleTimer(timeout)
            default: break  // others watch over it now
            }
        }
    }
}
