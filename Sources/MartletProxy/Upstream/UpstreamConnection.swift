import MartletWebSocket
import NIOCore
import NIOHTTP1

/// A connection to an upstream server, on one event loop: the last handler of its pipeline.
///
/// It belongs to one exchange at a time, or waits in the pool.
final class UpstreamConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// The user of a connection, whose request is being answered.
    protocol User: AnyObject {
        func upstreamReceived(_ part: HTTPClientResponsePart)
        /// All parts that one read brought have been passed on.
        func upstreamReadComplete()
        /// Whether there is room for more.
        var mayReadUpstream: Bool { get }
        func upstreamWritabilityChanged()
        /// The connection has ended, perhaps in the middle of an answer.
        func upstreamEnded(_ error: (any Error)?)
    }

    let endpoint: Endpoint
    let channel: any Channel
    let isPlainTCP: Bool
    weak var user: (any User)?
    /// Ends the connection when nobody has used it for long.
    var idleTimer: Scheduled<Void>?
    /// The closure to call when the connection ends while nobody uses it.
    var onIdleEnd: (() -> Void)?
    /// Whether it has carried a request before, so that the server may be ending it at this moment.
    var isReused = false
    private let encoder: HTTPRequestEncoder
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    /// Keeps what comes behind a 101; on connections that are opened for an upgrade.
    private let tap: UpgradeTap?
    private var context: ChannelHandlerContext?
    private var readIsHeldBack = false
    private var isUpgraded = false

    init(endpoint: Endpoint, channel: any Channel, isPlainTCP: Bool, isForUpgrade: Bool) {
        self.endpoint = endpoint
        self.channel = channel
        self.isPlainTCP = isPlainTCP
        var encoding = HTTPRequestEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false  // the exchange does
        self.encoder = HTTPRequestEncoder(configuration: encoding)
        self.decoder = ByteToMessageHandler(
            HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward))
        self.tap = isForUpgrade ? UpgradeTap() : nil
    }

    /// Adds the HTTP codec and this handler to the end of the channel's pipeline.
    func install() throws {
        let pipeline = self.channel.pipeline.syncOperations
        if let tap = self.tap { try pipeline.addHandler(tap) }
        try pipeline.addHandlers(self.encoder, self.decoder, self)
    }

    var isOpen: Bool { self.channel.isActive && self.context != nil }
    var isWritable: Bool { self.channel.isWritable }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isUpgraded { return }  // the end of the 101
        guard let user = self.user else {
            // Bytes that nobody asked for: what comes next on this connection could be mistaken for an answer.
            context.close(promise: nil)
            return
        }
        user.upstreamReceived(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.user?.upstreamReadComplete()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.user?.upstreamWritabilityChanged()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.onIdleEnd?()
        self.user?.upstreamEnded(nil)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The decoder has ended an answer that ends with the connection; there is nothing else to wait for.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let user = self.user
        self.user = nil
        context.close(promise: nil)
        user?.upstreamEnded(error)
    }

    func read(context: ChannelHandlerContext) {
        if !self.isUpgraded, self.user?.mayReadUpstream ?? true { context.read() } else { self.readIsHeldBack = true }
    }

    // MARK: For the user

    func readIfHeldBack() {
        guard self.readIsHeldBack, let context = self.context, self.user?.mayReadUpstream ?? true else { return }
        self.readIsHeldBack = false
        context.read()
    }

    func write(_ part: HTTPClientRequestPart) { self.context?.write(self.wrapOutboundOut(part), promise: nil) }
    func flush() { self.context?.flush() }

    /// Closes the connection without a word to the user.
    func close() {
        self.user = nil
        self.channel.close(promise: nil)
    }

    /// An interim answer (1xx) was dealt with: what follows it may be a 101.
    func passedInterimAnswer() { self.tap?.dropHead() }

    /// Stops keeping bytes, because the answer was not a 101.
    func stopExpectingUpgrade() { self.tap?.stop() }

    /// Gives back what ``takeBytesBehindUpgrade()`` took.
    func putBack(_ bytes: ByteBuffer) { self.tap?.putBack(bytes) }

    /// Whether the end came behind the 101.
    var hasInputEnded: Bool { self.tap?.hasInputEnded ?? false }

    /// Stops HTTP behind a 101.
    ///
    /// - Returns: the bytes behind it.
    func takeBytesBehindUpgrade() -> ByteBuffer {
        self.user = nil
        self.isUpgraded = true
        return self.tap?.takeBytesBehindUpgrade() ?? ByteBuffer()
    }

    /// Takes the HTTP handlers off the pipeline, behind ``takeBytesBehindUpgrade()``; what comes meanwhile waits for
    /// ``release(to:)``.
    func leaveHTTP() -> EventLoopFuture<Void> {
        let pipeline = self.channel.pipeline.syncOperations
        return .andAllSucceed(
            [pipeline.removeHandler(self.decoder), pipeline.removeHandler(self.encoder), pipeline.removeHandler(self)],
            on: self.channel.eventLoop)
    }

    /// Returns the bytes that have come since ``takeBytesBehindUpgrade()``.
    func takeMoreBytes() -> ByteBuffer { self.tap?.takeHeld() ?? ByteBuffer() }

    /// Lets what came in the meantime go on to the handlers that have been added.
    func release() { self.tap?.release() }
}
