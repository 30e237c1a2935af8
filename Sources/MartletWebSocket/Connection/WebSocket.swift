public import HTTPTypes
public import MartletProtocol
public import NIOCore

/// One WebSocket connection on its event loop, with which a ``WebSocketHandler`` sends and closes.
///
/// Everything here must be called on ``eventLoop``; the type is not `Sendable`, so the compiler checks it. The protocol
/// is in ``WebSocketCore``; this type connects it to a channel (`WebSocket+Channel.swift`) and to the socket beneath it
/// (`WebSocket+Sending.swift`).
/// Invariants:
/// - While bytes wait (``bufferedAmount`` is above 0), nothing is sent past them.
/// - ``WebSocketHandler/closed(_:_:)`` is called once, when the channel becomes inactive, and from no other place.
public final class WebSocket {
    /// The properties of the channel, and its current state.
    struct ChannelState {
        /// Whether no handler between this one and the socket changes the bytes.
        let isPlainTCP: Bool
        /// Whether the channel is a socket's, and not a stream of HTTP/2.
        let isSocket: Bool
        var context: ChannelHandlerContext?
        var isWriting = false
        /// The result of a write that finished before it returned.
        var writtenAtOnce: Result<Void, any Error>?
    }

    // The fields that are used for every message come first: see WebSocketCore.
    public let role: Role
    /// Whether output is gathered in the loop's buffer until the end of this read.
    var isCorked = false
    /// Whether the queue is being written, or will be soon.
    var isWritingQueue = false
    /// Whether it is among the loop's connections with an unfinished message.
    var hasUnfinished = false
    /// The socket for sending past the pipeline; `nil` on TLS and when the channel is closed.
    var directSocket: DirectSocket? { didSet { self.isNotReady() } }
    /// The slot among ``ReadySockets``, once it was asked for.
    var readyPlace: ReadySockets.Place?
    let loop: LoopContext
    var compressor: MessageCompressor?
    var core: WebSocketCore

    /// The subprotocol that the opening handshake agreed on; `nil` for none.
    public let subprotocol: String?
    /// The parameters of compression that were agreed on; `nil` when messages are not compressed.
    public let compression: DeflateParameters?
    /// The headers of the server's response to the opening handshake, on a client; empty on a server.
    public let handshakeFields: HTTPFields
    let configuration: WebSocketConfiguration
    let handler: any WebSocketHandler
    var channel: ChannelState
    var timer: NIOScheduledCallback?

    /// - Parameters:
    ///   - isPlainTCP: whether no handler between this one and the socket changes the bytes. If so, frames are sent
    ///     directly.
    ///   - isSocket: whether the channel is a socket's, and not a stream of HTTP/2.
    ///   - loop: the context of the channel's event loop; `nil` for that of the current thread.
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
        self.channel = ChannelState(isPlainTCP: isPlainTCP, isSocket: isSocket)
        self.handler = handler
        self.loop = loop ?? .current(eventLoop)
        let contexts = self.loop.compression
        self.core = WebSocketCore(
            role: role, configuration: configuration,
            decoder: MessageDecoder(
                role: role, limits: configuration.limits, delivery: handler.delivery, compression: compression,
                contexts: contexts))
        self.compressor = compression.map {
            MessageCompressor(
                role: role, parameters: $0, configuration: configuration.compression ?? .init(), contexts: contexts)
        }
    }

    /// The event loop that everything runs on.
    public var eventLoop: any EventLoop { self.loop.executor.eventLoop }

    /// The peer's address, if it is a socket's.
    public var remoteAddress: SocketAddress? { self.channel.context?.channel.remoteAddress }

    /// This end's address, if it is a socket's.
    public var localAddress: SocketAddress? { self.channel.context?.channel.localAddress }

    /// Whether a message is being sent part by part, and some parts are still to come.
    public var isSendingParts: Bool { self.core.parts != nil }

    /// Whether messages may be sent: no close frame has passed yet.
    public var isOpen: Bool { self.core.phase == .open }

    /// Whether there are waiting bytes that nothing may overtake.
    var hasBacklog: Bool { self.core.hasBacklog }

    /// The bytes that wait for the peer to read, including frame headers.
    public var bufferedAmount: Int {
        self.core.waitingBytes &+ (self.isCorked ? self.loop.output.readableBytes : 0)
    }

    /// The number of messages that the overflow policy dropped.
    public var droppedMessageCount: Int { self.core.queue.droppedCount }

    /// The round-trip time of the latest ping that was answered; `nil` before the first.
    public var latency: TimeAmount? { self.core.pings.latency }

    // MARK: Reading

    /// Stops reading the socket, so that the peer has to wait. At most one more message is delivered: the one that is
    /// being delivered. Pings are not answered either until ``resumeReading()``.
    public func pauseReading() { self.core.input.isPaused = true }

    public func resumeReading() {
        guard self.core.input.isPaused else { return }
        self.core.input.isPaused = false
        if self.hasUnfinished { self.loop.unfinished.resumed(self) }
        self.continueReading()
    }

    // MARK: The end

    /// Begins the closing handshake: a close frame is sent after everything that waits, and the connection ends when
    /// the peer answers, at the latest after ``WebSocketConfiguration/closeTimeout``.
    ///
    /// - Parameters:
    ///   - code: a code that may be sent, see `CloseCode.isSendable`; any other becomes 1000.
    ///   - reason: the reason, cut to 123 bytes.
    public func close(_ code: CloseCode = .normalClosure, reason: String = "") {
        guard let frame = self.core.close(code, reason: reason) else { return }
        self.isNotReady()
        self.startCloseTimer()
        self.sendLast(frame)
        // Everything is read to find the peer's close frame.
        self.continueReading()
    }

    /// Ends the TCP connection at once, without a close frame; the peer sees 1006.
    public func abort(reason: String) {
        if self.core.abort(reason: reason) { self.endChannel(waitsForTLS: false) }
    }
}

// Not shared between event loops; see the type's documentation.
@available(*, unavailable)
extension WebSocket: Sendable {}
