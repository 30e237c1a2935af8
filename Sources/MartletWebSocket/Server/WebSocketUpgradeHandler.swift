import DequeModule
public import HTTPTypes
public import Logging
import MartletProtocol
public import NIOCore
package import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Sits behind the HTTP/1 codec of a server connection and decides of each request whether it becomes a WebSocket.
///
/// Requests for a ``WebSocketEndpoint`` are answered here: 101 and a ``WebSocket`` in the pipeline, or a refusal, after
/// which the connection lives on. All others go to the HTTP side, whose handlers are added when the first one comes.
///
/// Two peculiarities of NIO's `HTTPDecoder` shape this type:
/// - After a request with `Connection: Upgrade` it parses nothing more, ever. So when there is no upgrade, the decoder
///   is replaced by a new one, which gets the bytes that the old one held.
/// - A removed decoder hands over its bytes untyped, in a later tick. So removal starts only between reads, when it is
///   certain that nothing else can come.
public final class WebSocketUpgradeHandler {
    public typealias EndpointLookup = @Sendable (HTTPRequest) -> WebSocketEndpoint?

    /// The HTTP side of a connection.
    public struct HTTPSide {
        /// Handlers that leave the pipeline when a later request upgrades.
        public var removableHandlers: [any RemovableChannelHandler]

        public init(removableHandlers: [any RemovableChannelHandler]) { self.removableHandlers = removableHandlers }
    }

    /// Adds the HTTP side to the end of the pipeline.
    public typealias HTTPSideInstaller = (any Channel) throws -> HTTPSide

    /// A connection that has been refused this often is ended.
    static let refusalLimit = 100
    /// How long the rest of a request's body may take once the server shuts down.
    static let drainPatience = TimeAmount.seconds(5)

    enum State {
        /// The next part is the head of a request.
        case ready
        /// A request is on its way to the HTTP side.
        case passing(stopsDecoder: Bool)
        /// A request that is answered here, the end of which has not come.
        case collecting(PlainRequest)
        /// It is being answered; the number tells its answer from one that comes too late.
        case answering(PlainRequest, question: Int)
        /// A handshake, the end of which has not come.
        case receiving(Handshake)
        /// A handshake that must wait for the answers to earlier requests.
        case waiting(Handshake)
        /// The `authorize` hook has been asked; the number tells its answer from one that comes too late.
        case deciding(Handshake, question: Int)
        /// The HTTP side has been told that there is no more input, and has not ended its output yet.
        case endingHTTP(() -> Void)
        /// The decoder has stopped and will be removed once no read is under way.
        case keepingDecoder
        /// The decoder is being removed; what it held comes as bytes.
        case removingDecoder
        case finished
    }

    /// A request that is dealt with here.
    struct Handshake {
        enum Target {
            case webSocket(WebSocketEndpoint)
            case stream(StreamEndpoint)

            var connectionLimiter: ConnectionLimiter? {
                switch self {
                case .webSocket(let endpoint): endpoint.connectionLimiter
                case .stream(let endpoint): endpoint.connectionLimiter
                }
            }

            /// Of an answer that the limiter is the reason for.
            var refusalFields: HTTPFields {
                switch self {
                case .webSocket: [:]
                case .stream(let endpoint): endpoint.refusalFields
                }
            }
        }

        let head: HTTPRequestHead
        let request: HTTPRequest
        let target: Target
        var hasBody = false
    }

    let limits: HTTPLimits
    let isSecure: Bool
    let trustedProxies: TrustedProxies
    let connectionLimiter: ConnectionLimiter?
    let logger: Logger
    let endpoint: EndpointLookup
    let installHTTPSide: HTTPSideInstaller?
    /// What answers a request with a stream. Set before the handler is installed.
    package var streamEndpoint: @Sendable (HTTPRequest) -> StreamEndpoint? = { _ in nil }
    /// What answers a request at once. Set before the handler is installed.
    package var requestEndpoint: @Sendable (HTTPRequestHead) -> RequestEndpoint? = { _ in nil }
    /// How long a connection without an HTTP side may be silent between requests. Set before the handler is installed.
    package var idleTimeout: TimeAmount?
    var onUpgradeWithoutHTTP: (() -> Void)?

    let encoder = HTTPResponseEncoder()
    var decoder: ByteToMessageHandler<HTTPRequestDecoder>
    var context: ChannelHandlerContext?
    var state = State.ready
    var httpSide: HTTPSide?
    /// Requests that the HTTP side has not answered to the end.
    var unanswered = 0
    /// Parts that came while the state allowed none; at most what one read brings.
    var heldParts: Deque<HTTPServerRequestPart> = []
    var leftovers: [ByteBuffer] = []
    var isInRead = false
    var readWasHeldBack = false
    var isDraining = false
    /// The client has ended its half.
    var hasInputEnded = false
    /// Before the decoder, once a request has been answered here.
    var repetition: RepeatedRequestHandler?
    /// Of the requests for this handler that came through the decoder in the current read; whether they are more than one is
    /// all that counts.
    var collectedHeads: [HTTPRequestHead] = []
    /// For answers that are written past the pipeline.
    var socket: DirectSocket?
    /// Answers of this handler that NIO has not written to the end: nothing may be sent past them.
    var pendingWrites = 0
    var lastActivity = NIODeadline.uptimeNanoseconds(0)
    var idleTimer: Scheduled<Void>?
    var isResuming = false
    var questionCount = 0
    var refusalCount = 0
    /// That a limiter counts this connection.
    var admission: ConnectionLimiter.Admission?
    /// What to do once the current read is over.
    var afterRead: (() -> Void)?
    var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - isSecure: whether the connection to us is TLS.
    ///   - trustedProxies: whose `X-Forwarded-*` headers count.
    ///   - connectionLimiter: limits WebSockets by the client's address.
    ///   - endpoint: the endpoint for a request, by its path; `nil` for plain HTTP.
    ///   - installHTTPSide: `nil` for a server without one: plain requests get 404.
    ///   - onUpgradeWithoutHTTP: called when the connection upgrades or ends and never had an HTTP side.
    public init(
        limits: HTTPLimits,
        isSecure: Bool,
        trustedProxies: TrustedProxies = .none,
        connectionLimiter: ConnectionLimiter? = nil,
        logger: Logger,
        endpoint: @escaping EndpointLookup,
        installHTTPSide: HTTPSideInstaller? = nil,
        onUpgradeWithoutHTTP: @escaping () -> Void = {}
    ) {
        self.limits = limits
        self.isSecure = isSecure
        self.trustedProxies = trustedProxies
        self.connectionLimiter = connectionLimiter
        self.logger = logger
        self.endpoint = endpoint
        self.installHTTPSide = installHTTPSide
        self.onUpgradeWithoutHTTP = onUpgradeWithoutHTTP
        self.decoder = Self.makeDecoder(limits)
    }

    /// Adds the HTTP/1 codec and this handler to the end of a new channel's pipeline.
    public func install(on channel: any Channel) throws {
        // Small at first: a connection keeps the first buffer that it read into.
        try channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536))
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        try channel.pipeline.syncOperations.addHandlers(self.encoder, self.decoder, self)
    }

    static func makeDecoder(_ limits: HTTPLimits) -> ByteToMessageHandler<HTTPRequestDecoder> {
        ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits.decoderLimits))
    }
}

@available(*, unavailable)
extension WebSocketUpgradeHandler: Sendable {}
