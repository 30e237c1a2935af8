import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletPush
import MartletWebSocket
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A session over server-sent events (HTML, section 9.2), from the head of the answer to its end. Over HTTP/1.1 the body
/// ends with the connection: every proxy knows what that means, and events need no chunks around them. Over HTTP/2 it ends
/// with its stream.
final class ServerSentEvents: ChannelInboundHandler, TransportConnection {
    typealias InboundIn = NIOAny
    typealias OutboundOut = ByteBuffer

    /// Padding, since some old proxies and browsers pass nothing on before so much has come.
    private static let padding = ":" + String(repeating: " ", count: 2048) + "\n\n"

    /// The time after which a client comes back that was replaced by a newer one, in milliseconds.
    private static let retryOfReplaced = 60_000

    private let configuration: EventStreamConfiguration
    /// The maker of the session, until the connection is open.
    private var makeSession: ((any EventLoop) -> Session)?
    /// The address of the client, where a proxy tells of it.
    private let forwardedAddress: String?
    /// The headers of the answer, for HTTP/1.1.
    private let fields: HTTPFields
    private let version: StreamEndpoint.HTTPVersion
    private let isPlainTCP: Bool
    /// Heartbeats in a row at which nothing more could be sent.
    private var missedHeartbeats = 0
    private var isClosing = false
    private var context: ChannelHandlerContext?
    private var output: StreamOutput?
    private var session: Session?

    init(
        _ configuration: EventStreamConfiguration, address: String?, _ fields: HTTPFields,
        _ version: StreamEndpoint.HTTPVersion, isPlainTCP: Bool,
        makeSession: @escaping (any EventLoop) -> Session
    ) {
        self.configuration = configuration
        self.forwardedAddress = address
        self.fields = fields
        self.version = version
        self.isPlainTCP = isPlainTCP
        self.makeSession = makeSession
    }

    /// Returns the headers of the answer.
    ///
    /// - Parameter allowedOrigin: the origin of a page on another host.
    static func fields(allowedOrigin: String?) -> HTTPFields {
        var fields: HTTPFields = [
            .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store, no-transform",
            HTTPField.Name("X-Accel-Buffering")!: "no", .xContentTypeOptions: "nosniff",
            .date: UTCTime.http(UTCTime.now()),
        ]
        if let allowedOrigin {
            fields[.accessControlAllowOrigin] = allowedOrigin
            fields[.vary] = "Origin"
        }
        return fields
    }

    /// The connection; `nil` over HTTP/2, where streams share one.
    private var socket: (any NIOSynchronousChannelOptions)? {
        self.version == .http1 ? self.context?.channel.syncOptions : nil
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        try? self.socket?.setOption(.allowRemoteHalfClosure, value: false)
        // A client that has vanished acknowledges nothing: without this the kernel would try for a quarter of an hour.
        let patience = self.configuration.heartbeatInterval.nanoseconds / 1_000_000 * 2
        try? (self.socket ?? context.channel.parent?.syncOptions)?.setOption(
            .tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: Int(patience))
        let output = StreamOutput(
            context: context, isPlainTCP: self.isPlainTCP, isSocket: self.version == .http1,
            queueLimit: self.configuration.queueSize)
        self.output = output
        // A client that sees the head has subscribed.
        output.begin(ByteBuffer(string: (self.version == .http1 ? self.head : "") + Self.padding + self.retry))
        guard let session = self.makeSession?(context.eventLoop) else { return }
        self.makeSession = nil
        self.session = session
        session.opened(on: self)
        output.flush()
        // The head is no part of the queue.
        try? self.socket?.setOption(
            .writeBufferWaterMark,
            value: .init(low: self.configuration.queueSize / 2, high: self.configuration.queueSize))
        context.read()
    }

    private var head: String {
        let fields = self.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 200 OK\r\n\(fields)Connection: close\r\n\r\n"
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

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.abort() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            // A time of its own for each client to come back: they would all come at once otherwise.
            self.leave(self.retry)
        case let restart as ServerRestartEvent:
            self.leave("retry: \(restart.retry)\n\n")
        case ChannelEvent.inputClosed: self.abort()
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

    /// The time in which a client takes the rest of a stream that ends.
    private static let patience = TimeAmount.seconds(5)

    /// Closes the connection, or the stream. That takes a moment: nothing is sent meanwhile.
    private func close() {
        guard !self.isClosing, let context = self.context else { return }
        self.isClosing = true
        self.output?.end()
        guard self.version == .http2 else { return context.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self] in
            self?.context?.close(promise: nil)
        }
    }

    /// Closes the connection, or resets the stream: what waits is lost.
    private func abort() {
        self.isClosing = true
        self.output?.end()
        self.context?.close(promise: nil)
    }

    // MARK: TransportConnection

    var transport: SessionTransport { .sse }
    var isOpen: Bool { !self.isClosing && self.context?.channel.isActive ?? false }
    var address: String { self.forwardedAddress ?? self.context?.channel.remoteAddress?.text ?? "-" }

    var queuedBytes: Int {
        guard self.version == .http1 else { return self.output?.waitingBytes ?? 0 }
        let buffered = try? self.socket?.getOption(.bufferedWritableBytes)
        return buffered ?? 0
    }

    func send(_ encoded: EncodedPublications) -> Int {
        guard let output = self.output, self.isOpen, case .bytes(let bytes) = encoded.wire else { return 0 }
        guard !output.isFull else {
            self.endSlow()
            return 0
        }
        output.write(bytes)
        return encoded.count
    }

    func sendHeartbeat(_ encoded: EncodedPublications) {
        guard let output = self.output, self.isOpen, case .bytes(let bytes) = encoded.wire else { return }
        guard output.isFull else {
            self.missedHeartbeats = 0
            output.write(bytes)
            return
        }
        self.missedHeartbeats += 1
        if self.missedHeartbeats == 2 { self.endSlow() }
    }

    private func endSlow() {
        self.session?.isTooSlow()
        self.abort()
    }

    func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) {
        if case .replaced = why {
            // An `EventSource` comes back whatever it is told: not soon, or two pages would replace each other all the time.
            let closed = #"{"code":\#(code.rawValue),"reason":\#(JSONText.string(reason))}"#
            self.output?.write(ByteBuffer(string: "retry: \(Self.retryOfReplaced)\nevent: closed\ndata: \(closed)\n\n"))
        }
        self.close()
    }

    // MARK: The fast path

    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { self.output?.takeReadyPlace() }

    func finish(_ encoded: EncodedPublications, behind sent: Int) {
        if case .bytes(let bytes) = encoded.wire { self.output?.finish(bytes, behind: sent) }
    }
}
