import Logging
import MartletPush
import MartletWebSocket
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A connection that carries server-sent events (HTML, section 9.2), from the head of the answer to its end. The body is
/// as long as the connection lives: every proxy knows what that means, and no chunk frames each event.
final class ServerSentEvents: ChannelInboundHandler, EventStreamSink, HeartbeatWheel.Member {
    typealias InboundIn = NIOAny
    typealias OutboundOut = ByteBuffer

    private static let comment = ByteBuffer(string: ":\n\n")
    /// Some old proxies and browsers pass nothing on before so much has come.
    private static let padding = ":" + String(repeating: " ", count: 2048) + "\n\n"

    private let service: PushService
    private let configuration: EventStreamConfiguration
    private let request: EventStreamRequest
    private let user: PushUser
    /// Among the user's sessions.
    private let place: UserPlace
    /// Of the client, where a proxy tells of it.
    private let forwardedAddress: String?
    private let openedAt = NIODeadline.now()
    /// Only for a token that expires.
    private var expiry: TokenExpiry?
    private let allowedOrigin: String?
    private let wheel: HeartbeatWheel
    private var spoke: Int?
    /// Beats in a row at which nothing more could be sent.
    private var missedBeats = 0
    private var context: ChannelHandlerContext?
    private var session: EventStreamSession?

    init(
        service: PushService, configuration: EventStreamConfiguration, request: EventStreamRequest, user: PushUser,
        place: UserPlace, address: String?, allowedOrigin: String?, wheel: HeartbeatWheel
    ) {
        self.forwardedAddress = address
        self.service = service
        self.configuration = configuration
        self.request = request
        self.user = user
        self.place = place
        self.allowedOrigin = allowedOrigin
        self.wheel = wheel
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.service.counters.add(to: .sessions(self.transport))
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        // A client that has vanished acknowledges nothing: without this the kernel would try for a quarter of an hour.
        let patience = self.configuration.heartbeatInterval.nanoseconds / 1_000_000 * 2
        try? context.channel.syncOptions?.setOption(
            .tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: Int(patience))
        try? context.channel.syncOptions?.setOption(
            .writeBufferWaterMark,
            value: .init(low: self.configuration.queueSize / 2, high: self.configuration.queueSize))
        self.write(ByteBuffer(string: self.head))
        self.spoke = self.wheel.add(self)
        let session = EventStreamSession(
            service: self.service, user: self.user.id, events: self.request.events, sink: self,
            eventLoop: context.eventLoop)
        self.session = session
        if let time = self.user.expiresAt {
            let expiry = TokenExpiry()
            self.expiry = expiry
            // A client with a new token comes back at once, and misses nothing.
            expiry.set(time, on: context.eventLoop) { [weak self] in
                self?.session?.tokenExpired()
                self?.drop()
            }
        }
        self.service.counters.add(self.request.events.count, to: .registrations)
        session.start(after: self.request.after)
        context.read()
    }

    private var head: String {
        var head = """
            HTTP/1.1 200 OK\r
            Content-Type: text/event-stream; charset=utf-8\r
            Cache-Control: no-store, no-transform\r
            X-Accel-Buffering: no\r
            X-Content-Type-Options: nosniff\r
            Connection: close\r

            """
        if let origin = self.allowedOrigin {
            head += "Access-Control-Allow-Origin: \(origin)\r\nVary: Origin\r\n"
        }
        return head + "\r\n" + Self.padding + self.retry
    }

    private var retry: String { "retry: \(Int.random(in: self.configuration.retry))\n\n" }

    func handlerRemoved(context: ChannelHandlerContext) { self.end() }
    func channelInactive(context: ChannelHandlerContext) { self.end() }

    private func end() {
        guard self.context != nil else { return }
        self.expiry?.cancel()
        self.session?.end()  // while it can be told whose it was
        self.session = nil
        self.context = nil
        if let spoke = self.spoke { self.wheel.remove(self, from: spoke) }
        self.service.counters.add(-1, to: .sessions(self.transport))
    }

    /// A client has nothing to say any more.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            // A time of its own for each client to come back: they would all come at once otherwise.
            self.write(ByteBuffer(string: self.retry))
            context.close(promise: nil)
        case let restart as ServerRestartEvent:
            self.write(ByteBuffer(string: "retry: \(restart.retry)\n\n"))
            context.close(promise: nil)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: HeartbeatWheel.Member

    func beat() {
        guard let context = self.context else { return }
        guard !context.channel.isWritable else {
            self.missedBeats = 0
            return self.write(Self.comment)
        }
        self.missedBeats += 1
        if self.missedBeats == 2 { self.endSlow(context) }
    }

    private func endSlow(_ context: ChannelHandlerContext) {
        self.service.counters.add(to: .slowConsumers(self.transport))
        self.service.logger.notice(
            "closing a session that reads too slowly",
            metadata: [
                "address": "\(self.address)", "transport": "sse", "session": "\(self.session?.id.description ?? "-")",
                "user": "\(SafeText.forLog(self.user.id))",
            ])
        context.close(promise: nil)
    }

    // MARK: EventStreamSink

    var transport: SessionTransport { .sse }

    var carrier: SessionCarrier? {
        self.context.map { context in
            let buffered = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
            return SessionCarrier(
                transport: self.transport, address: self.address, queuedBytes: buffered ?? 0, openedAt: self.openedAt)
        }
    }

    private var address: String { self.forwardedAddress ?? self.context?.remoteAddress?.text ?? "-" }

    func send(_ items: EventStreamItems) -> Bool {
        guard let context = self.context, context.channel.isActive else { return false }
        guard context.channel.isWritable else {
            self.endSlow(context)
            return false
        }
        self.write(self.request.isJSON ? items.jsonEvents : items.events)
        return true
    }

    func drop() { self.context?.close(promise: nil) }

    private func write(_ bytes: ByteBuffer) { self.context?.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil) }
}
