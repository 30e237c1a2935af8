import MartletProtocol
import MartletPush
import MartletWebSocket
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A session over server-sent events (HTML, section 9.2), from the head of the answer to its end. The body ends with
/// the connection: every proxy knows what that means, and events need no chunks around them.
final class ServerSentEvents: ChannelInboundHandler, TransportConnection {
    typealias InboundIn = NIOAny
    typealias OutboundOut = ByteBuffer

    /// Padding, since some old proxies and browsers pass nothing on before so much has come.
    private static let padding = ":" + String(repeating: " ", count: 2048) + "\n\n"

    private let configuration: EventStreamConfiguration
    /// The maker of the session, until the connection is open.
    private var makeSession: ((any EventLoop) -> Session)?
    /// The address of the client, where a proxy tells of it.
    private let forwardedAddress: String?
    /// The origin of a page on another host.
    private let allowedOrigin: String?
    private let isPlainTCP: Bool
    /// Heartbeats in a row at which nothing more could be sent.
    private var missedHeartbeats = 0
    private var isClosing = false
    private var context: ChannelHandlerContext?
    private var output: StreamOutput?
    private var session: Session?

    init(
        _ configuration: EventStreamConfiguration, address: String?, allowedOrigin: String?, isPlainTCP: Bool,
        makeSession: @escaping (any EventLoop) -> Session
    ) {
        self.configuration = configuration
        self.forwardedAddress = address
        self.allowedOrigin = allowedOrigin
        self.isPlainTCP = isPlainTCP
        self.makeSession = makeSession
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        // A client that has vanished acknowledges nothing: without this the kernel would try for a quarter of an hour.
        let patience = self.configuration.heartbeatInterval.nanoseconds / 1_000_000 * 2
        try? context.channel.syncOptions?.setOption(
            .tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: Int(patience))
        let output = StreamOutput(
            context: context, isPlainTCP: self.isPlainTCP, queueLimit: self.configuration.queueSize)
        self.output = output
        // A client that sees the head has subscribed.
        output.begin(ByteBuffer(string: self.head))
        guard let session = self.makeSession?(context.eventLoop) else { return }
        self.makeSession = nil
        self.session = session
        session.opened(on: self)
        output.flush()
        // The head is no part of the queue.
        try? context.channel.syncOptions?.setOption(
            .writeBufferWaterMark,
            value: .init(low: self.configuration.queueSize / 2, high: self.configuration.queueSize))
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
        self.output?.end()
        self.session?.closed()  // while the log can still name its client
        self.session = nil
        self.output = nil
        self.context = nil
    }

    /// Ignores input: a client has nothing to say any more.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.close() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            // A time of its own for each client to come back: they would all come at once otherwise.
            self.leave(self.retry)
        case let restart as ServerRestartEvent:
            self.leave("retry: \(restart.retry)\n\n")
        case ChannelEvent.inputClosed: self.close()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func leave(_ retry: String) {
        guard let session = self.session else { return self.close() }
        session.leave {
            self.output?.write(ByteBuffer(string: retry))
            self.close()
        }
    }

    /// Closes the connection. Over TLS that takes a moment: nothing is sent meanwhile.
    private func close() {
        self.isClosing = true
        self.output?.end()
        self.context?.close(promise: nil)
    }

    // MARK: TransportConnection

    var transport: SessionTransport { .sse }
    var isOpen: Bool { !self.isClosing && self.context?.channel.isActive ?? false }
    var address: String { self.forwardedAddress ?? self.context?.remoteAddress?.text ?? "-" }

    var queuedBytes: Int {
        let buffered = try? self.context?.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return buffered ?? 0
    }

    func send(_ encoded: EncodedPublications) -> Int {
        guard let context = self.context, self.isOpen, case .bytes(let bytes) = encoded.wire else { return 0 }
        guard context.channel.isWritable else {
            self.endSlow()
            return 0
        }
        self.output?.write(bytes)
        return encoded.count
    }

    func sendHeartbeat(_ encoded: EncodedPublications) {
        guard let context = self.context, self.isOpen, case .bytes(let bytes) = encoded.wire else { return }
        guard !context.channel.isWritable else {
            self.missedHeartbeats = 0
            self.output?.write(bytes)
            return
        }
        self.missedHeartbeats += 1
        if self.missedHeartbeats == 2 { self.endSlow() }
    }

    private func endSlow() {
        self.session?.isTooSlow()
        self.close()
    }

    func close(_ code: CloseCode, _ reason: String) { self.close() }

    // MARK: The fast path

    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { self.output?.takeReadyPlace() }

    func finish(_ encoded: EncodedPublications, behind sent: Int) {
        if case .bytes(let bytes) = encoded.wire { self.output?.finish(bytes, behind: sent) }
    }
}
