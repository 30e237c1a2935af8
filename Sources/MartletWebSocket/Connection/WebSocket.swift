public import HTTPTypes
public import MartletProtocol
public import NIOCore

/// One WebSocket connection, on its event loop: a channel handler that owns the whole protocol.
///
/// Everything here must be called on ``eventLoop``; the type is not `Sendable`, so that the compiler sees to it.
/// Invariants:
/// - What the peer gets is a sequence of whole frames in the order of the calls; a pong or ping may overtake messages.
/// - While bytes wait (``bufferedAmount`` is above 0), nothing is sent past them.
/// - ``WebSocketHandler/closed(_:_:)`` is called once, when the channel becomes inactive, and from nowhere else.
public final class WebSocket {
    /// A message that is being sent part by part.
    struct OpenParts {
        let kind: MessageKind
        let isCompressed: Bool
        /// Whether its first frame is out.
        var hasBegun = false
    }

    /// Where the connection stands; it only moves down this list.
    enum Phase {
        case open
        /// Our close frame is sent or queued; the peer's has not come.
        case closing
        /// Nothing more will be sent; the rest of the input is thrown away until the peer ends the TCP connection.
        case lingering
        case closed
    }

    // What every message that is sent looks at comes first, and so lies side by side in memory: a publication for thousands of
    // connections is bound by the lines of the cache that it touches in each.
    var phase = Phase.open { didSet { self.isNotReady() } }
    public let role: Role
    /// Output is gathered in the loop's buffer until the end of this read.
    var isCorked = false
    /// Set while a message is being sent part by part.
    var parts: OpenParts? { didSet { self.isNotReady() } }
    /// For sending past the pipeline; `nil` on TLS and when the channel is closed.
    var directSocket: DirectSocket? { didSet { self.isNotReady() } }
    /// Among ``ReadySockets``, once it was asked for.
    var readyPlace: ReadySockets.Place?
    /// Bytes that NIO has and the kernel has not taken yet.
    var inFlight = 0
    let loop: LoopContext
    var compressor: MessageCompressor?
    var queue: OutboundQueue<Void>

    /// What the opening handshake agreed on.
    public let subprotocol: String?
    /// What was agreed on for compression; `nil` when messages are not compressed.
    public let compression: DeflateParameters?
    /// The headers of the server's answer to the handshake, on a client; empty on a server.
    public let handshakeFields: HTTPFields
    let configuration: WebSocketConfiguration
    let handler: any WebSocketHandler
    private let isPlainTCP: Bool
    private let isSocket: Bool

    var context: ChannelHandlerContext?
    var decoder: MessageDecoder
    var closeHandshake = CloseHandshake()
    var closeInformation: WebSocketCloseInformation?

    var isWritingToChannel = false
    var writtenAtOnce: Result<Void, any Error>?
    /// The queue is being written, or will be soon.
    var isDraining = false
    /// Control frames that wait for room: only the latest pong, one ping, and the last frame of all.
    var pendingPong: [UInt8]?
    var pendingPing: [UInt8]?
    var pendingClose: CloseFrame?
    /// The latest pings that have left and are unanswered, the oldest first.
    var outstandingPings: [(payload: [UInt8], sentAt: NIODeadline)] = []
    var keepAlivePingCount: UInt32 = 0
    /// The round-trip time of the latest ping that was answered; `nil` before the first.
    public internal(set) var latency: TimeAmount?

    var isReadingPaused = false
    var readWasHeldBack = false
    /// Input that came while reading was paused.
    var heldInput = ByteBuffer()
    var isProcessing = false
    /// Input has been thrown away; what follows it would have a hole before it.
    var isDiscarding = false
    /// Payload bytes that the handler got, in all.
    var deliveredBytes = 0
    var keepAlive: KeepAlive?
    var timer: NIOScheduledCallback?

    /// - Parameters:
    ///   - isPlainTCP: no handler between this one and the socket changes the bytes. Then frames are sent directly.
    ///   - isSocket: the channel is a socket's, and no stream of HTTP/2.
    ///   - loop: of the channel's event loop; `nil` for the one of the current thread.
    public init(
        role: Role,
        configuration: WebSocketConfiguration = .init(),
        subprotocol: String? = nil,
        compression: DeflateParameters? = nil,
        handshakeFields: HTTPFields = [:],
        isPlainTCP: Bool,
        isSocket: Bool = true,
        handler: any WebSocketHandler,
        eventLoop: any EventLoop,
        loop: LoopContext? = nil
    ) {
        self.role = role
        self.configuration = configuration
        self.subprotocol = subprotocol
        self.compression = compression
        self.handshakeFields = handshakeFields
        self.isPlainTCP = isPlainTCP
        self.isSocket = isSocket
        self.handler = handler
        self.loop = loop ?? .current(eventLoop)
        self.decoder = MessageDecoder(
            role: role, limits: configuration.limits, delivery: handler.delivery, compression: compression,
            contexts: self.loop.compression)
        let contexts = self.loop.compression
        self.compressor = compression.map {
            MessageCompressor(
                role: role, parameters: $0, configuration: configuration.compression ?? .init(), contexts: contexts)
        }
        self.queue = OutboundQueue(limit: configuration.outboundQueueLimit, policy: configuration.overflowPolicy)
    }

    /// The event loop that everything runs on.
    public var eventLoop: any EventLoop { self.loop.executor.eventLoop }

    /// The peer's address, when it is a socket's.
    public var remoteAddress: SocketAddress? { self.context?.channel.remoteAddress }

    /// Our own address, when it is a socket's.
    public var localAddress: SocketAddress? { self.context?.channel.localAddress }

    /// Whether a message is being sent part by part, and not all parts are.
    public var isSendingParts: Bool { self.parts != nil }

    /// Whether messages may be sent: no close frame has passed yet.
    public var isOpen: Bool { self.phase == .open }

    /// Bytes that wait for the peer to read, frame headers counted.
    public var bufferedAmount: Int {
        self.inFlight &+ self.queue.bytes.readableBytes &+ (self.isCorked ? self.loop.output.readableBytes : 0)
    }

    /// Messages that the overflow policy dropped.
    public var droppedMessageCount: Int { self.queue.droppedCount }
}

extension WebSocket: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.metrics.opened(self.role)
        if self.isPlainTCP { self.directSocket = DirectSocket(context.channel) }
        // A channel without options, such as an embedded one, does without.
        if self.isSocket {
            try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try? context.channel.syncOptions?.setOption(.recvAllocator, value: SharedReceiveAllocator(loop: self.loop))
            try? context.channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        }
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        if let interval = self.configuration.pingInterval {
            self.keepAlive = KeepAlive(
                interval: interval, timeout: self.configuration.pingTimeout, now: self.eventLoop.now)
            self.scheduleKeepAlive()
        }
        self.handler.opened(self)
        if self.phase != .closed { self.readMore(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.ended()
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.closeHandshake.isComplete || self.phase == .lingering {
            self.endChannel()  // a reset after the end changes nothing
        } else {
            self.abort(reason: "the connection broke: \(error)")
        }
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: self.leave(.goingAway, reason: "the server shuts down")
        case let restart as ServerRestartEvent:
            self.leave(.serviceRestart, reason: "the server restarts; retry: \(restart.retry)")
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func leave(_ code: CloseCode, reason: String) {
        if let handler = self.handler as? any ClosingHandler {
            handler.close(code, reason: reason)  // what it has taken for sending goes first
        } else {
            self.close(code, reason: reason)
        }
    }
}

// Not shared between event loops; see the type's documentation.
@available(*, unavailable)
extension WebSocket: Sendable {}
