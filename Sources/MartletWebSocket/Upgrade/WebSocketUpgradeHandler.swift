public import HTTPTypes
public import Logging
package import MartletHTTP
public import NIOCore
package import NIOHTTP1

/// Comes after the HTTP/1 codec of a server connection and passes each request to its destination: a
/// ``WebSocketEndpoint``, an endpoint of the event loop, or the HTTP side, whose handlers are added when the first
/// plain request comes.
///
/// ``ServerConnectionState`` says what to do when, and ``UpgradeDecision`` which requests become WebSockets. This type
/// adds the channel, the clock, and the questions to hooks.
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

    /// The settings, which do not change while the connection lives.
    struct Settings {
        let limits: HTTPLimits
        let isSecure: Bool
        let trustedProxies: TrustedProxies
        let connectionLimiter: ConnectionLimiter?
        let logger: Logger
        let endpoint: EndpointLookup
        let installHTTPSide: HTTPSideInstaller?
        var streamEndpoint: @Sendable (HTTPRequest) -> StreamEndpoint? = { _ in nil }
        var requestEndpoint: @Sendable (HTTPRequestHead) -> RequestEndpoint? = { _ in nil }
        var idleTimeout: TimeAmount?
    }

    /// A request that wants to take the connection over. It is a class because copying all of it costs more.
    final class Takeover {
        enum Target {
            case webSocket(WebSocketEndpoint)
            case stream(StreamEndpoint)
            /// The request is refused, once the answers to earlier requests have been sent.
            case nobody(Refusal)
        }

        let head: HTTPRequestHead
        let request: HTTPRequest?
        var target: Target
        /// The request for hooks, once it is being decided about.
        var asked: WebSocketRequest?
        var decision: UpgradeDecision?
        /// The result of the decision, once the request has been accepted.
        var agreement: UpgradeDecision.Agreement?
        /// Makes the handler that has the connection from then on, once the request has been accepted.
        var makeHandler: ((any EventLoop) -> any ChannelHandler)?

        init(head: HTTPRequestHead, request: HTTPRequest?, target: Target) {
            self.head = head
            self.request = request
            self.target = target
        }
    }

    /// The time that the rest of a request's body may take once the server shuts down.
    static let drainPatience = TimeAmount.seconds(5)
    /// The time after which a client that waits is told to send its body, unless it was refused by then, or its body
    /// was asked for.
    static let continuePatience = TimeAmount.milliseconds(50)

    var settings: Settings
    var state = ServerConnectionState()
    var codec: ServerCodec
    var context: ChannelHandlerContext?
    var httpSide: HTTPSide?
    /// The request that the HTTP side is answering.
    var exchange: HTTPSideExchange?
    /// Tells the client of that request to send its body, unless it was told before.
    var continueTimer: Scheduled<Void>?
    var onUpgradeWithoutHTTP: (() -> Void)?
    /// The request that an endpoint of the event loop answers.
    var plainRequest: PlainRequest?
    var takeover: Takeover?
    /// The handler that spares the decoder repeated requests, once one has been answered here.
    var repetition: RepeatedRequestHandler?
    var answers = AnswerWriter()
    /// The client's admission in a limit.
    var admission: ConnectionLimiter.Admission?
    /// The connection's place among those of its server; `nil` for a server that does not count them here.
    package var place: ConnectionPlace?
    var timer: Scheduled<Void>?
    /// The time at which something was last received or sent. Only for connections without an HTTP side, which has a
    /// timer of its own.
    var lastActivity = NIODeadline.uptimeNanoseconds(0)
    var idleTimer: Scheduled<Void>?
    /// Watches answers that the client does not take.
    var stall: AnswerStall?
    /// Whether the TLS handshake is complete.
    var isTLSReady = false
    /// The time that the TLS handshake has taken of that for the first request, if this handler came after it.
    var tlsTime = TimeAmount.zero

    /// - Parameters:
    ///   - isSecure: whether the connection to this server uses TLS.
    ///   - trustedProxies: the proxies whose `X-Forwarded-*` headers are trusted.
    ///   - connectionLimiter: limits WebSockets by the client's address.
    ///   - endpoint: returns the endpoint for a request, by its path; `nil` for plain HTTP.
    ///   - installHTTPSide: adds the HTTP side; `nil` for a server without one: plain requests get 404.
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
        self.settings = Settings(
            limits: limits, isSecure: isSecure, trustedProxies: trustedProxies, connectionLimiter: connectionLimiter,
            logger: logger, endpoint: endpoint, installHTTPSide: installHTTPSide)
        self.onUpgradeWithoutHTTP = onUpgradeWithoutHTTP
        self.codec = ServerCodec(limits: limits)
    }

    /// Adds endpoints that bypass the HTTP side. To be called before the handler is installed.
    ///
    /// - Parameters:
    ///   - streamEndpoint: returns the endpoint that answers a request with a stream.
    ///   - requestEndpoint: returns the endpoint that answers a request at once.
    ///   - idleTimeout: how long a connection without an HTTP side may be silent between requests.
    package func serve(
        streamEndpoint: @escaping @Sendable (HTTPRequest) -> StreamEndpoint?,
        requestEndpoint: @escaping @Sendable (HTTPRequestHead) -> RequestEndpoint?,
        idleTimeout: TimeAmount?
    ) {
        self.settings.streamEndpoint = streamEndpoint
        self.settings.requestEndpoint = requestEndpoint
        self.settings.idleTimeout = idleTimeout
    }

    /// Tells that the TLS handshake is complete. To be called before the handler is installed.
    ///
    /// - Parameter time: the time that it has taken of that for the first request.
    package func tlsIsReady(after time: TimeAmount) {
        self.isTLSReady = true
        self.tlsTime = time
    }

    /// Adds the HTTP/1 codec and this handler to the end of a new channel's pipeline.
    public func install(on channel: any Channel) throws {
        // Small at first: a connection keeps the first buffer that it read into. And never large: all requests of one read
        // are held while the first of them is answered.
        try channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 8192))
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        let codec = self.codec
        try codec.install(on: channel, before: self)
    }
}

@available(*, unavailable)
extension WebSocketUpgradeHandler: Sendable {}
