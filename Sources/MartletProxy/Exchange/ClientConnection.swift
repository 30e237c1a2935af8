import HTTPTypes
import MartletWebSocket
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// A connection of a client, or a stream of one over HTTP/2: the last handler of its pipeline. It takes one request
/// after the other and gives each to an ``Exchange``.
///
/// Invariants:
/// - There is at most one exchange; what comes after its request waits, and nothing more is read meanwhile.
/// - The decoder never sees a byte after a request for an upgrade: until that is settled nothing is read.
final class ClientConnection: LoopConnection {
    enum Phase {
        case http
        /// The last answer has been sent; further input is discarded until the client has ended its half.
        case lingering
        /// The connection carries a WebSocket and belongs to a tunnel.
        case upgraded
        case closed
    }

    /// The client, and the properties of its connection.
    struct Peer {
        let isHTTP2: Bool
        let isSecure: Bool
        let trustedProxies: TrustedProxies
        /// The client's address: the socket's peer, or the source that the PROXY protocol header names.
        let address: SocketAddress?
        /// The address as text, without the port.
        let text: String?
        let proxyProtocolHeader: ProxyProtocolHeader?
        let acceptedAt: NIODeadline
    }

    /// The input that has come and cannot be handled yet.
    struct Input {
        /// Parts after the exchange's request: at most what one read brings.
        var held: [HTTPServerRequestPart] = []
        var isReadHeldBack = false
        var isInRead = false
        /// An action to run once the current read is over.
        var afterRead: (() -> Void)?
        /// Whether bytes after the current request are not valid HTTP.
        var isBroken = false
    }

    let loop: ProxyLoop
    let limits: ClientConfiguration
    let peer: Peer
    /// The HTTP/1 codec; `nil` over HTTP/2, where the codec belongs to the stream.
    var codec: ServerCodec?
    var context: ChannelHandlerContext?
    var phase = Phase.http
    var exchange: Exchange?
    var input = Input()
    private var timer: Scheduled<Void>?
    /// Whether the connection ends after the current answer, because bytes after this request may be misunderstood.
    var closesAfterAnswer = false
    private var isDraining = false
    /// The connection's admission, until a tunnel takes it over.
    var connectionCount: ConnectionCount?
    /// The handshake that a ``DirectHandshake`` has begun with the first request, before NIO took over.
    private var begunHandshake: BegunHandshake?

    /// - Parameter header: the PROXY protocol header that the connection began with.
    init(
        loop: ProxyLoop, listener: ListenerConfiguration, limits: ClientConfiguration, peer: SocketAddress?,
        header: ProxyProtocolHeader?, isSecure: Bool, isHTTP2: Bool, connectionCount: ConnectionCount?,
        accepted: AcceptedConnection? = nil
    ) {
        self.connectionCount = connectionCount
        self.begunHandshake = accepted?.begun
        self.loop = loop
        self.limits = limits
        let address = header?.source ?? peer
        self.peer = Peer(
            isHTTP2: isHTTP2, isSecure: isSecure, trustedProxies: listener.trustedProxies, address: address,
            text: address?.ipAddress, proxyProtocolHeader: header,
            acceptedAt: accepted.map { .uptimeNanoseconds(UInt64($0.acceptedAt)) } ?? .now())
        if !isHTTP2 {
            var configuration = HTTPResponseEncoder.Configuration()
            configuration.automaticallySetFramingHeaders = false  // the exchange does, and knows about HEAD
            self.codec = ServerCodec(
                limits: limits.httpLimits, encoder: HTTPResponseEncoder(configuration: configuration))
        }
    }

    /// Adds the HTTP codec and this handler to the end of the pipeline.
    func install(on channel: any Channel) throws {
        if let codec = self.codec {
            try codec.install(on: channel, before: self)
        } else {
            try channel.pipeline.syncOperations.addHandler(self)
        }
    }

    // MARK: Requests

    func handle(_ part: HTTPServerRequestPart) {
        guard let exchange = self.exchange else {
            if case .head(let head) = part { self.begin(head) }
            return
        }
        if exchange.isRequestComplete { self.input.held.append(part) } else { exchange.received(part) }
    }

    private func begin(_ head: HTTPRequestHead) {
        self.stopTimer()
        self.closesAfterAnswer = !self.peer.isHTTP2 && DecoderStop.stops(after: head)
        switch RequestCheck.check(head, isHTTP2: self.peer.isHTTP2) {
        case .failure(let refusal):
            self.refuse(head, refusal)
        case .success(let checked):
            let begun = self.begunHandshake
            self.begunHandshake = nil
            let found =
                begun?.route ?? self.loop.core.routing.route(host: checked.host, path: checked.target.decodedPath)
            guard let route = found else {
                self.refuse(head, Refusal(.notFound, "no route of this proxy matches the request"), keepAlive: true)
                return
            }
            let identity = self.identity(of: head)
            let entry = AccessLogEntry(head, identity, isHTTP2: self.peer.isHTTP2)
            let request = ProxiedRequest(
                head: head, checked: checked, route: route, identity: identity, isHTTP2: self.peer.isHTTP2,
                id: begun?.requestID)
            if !checked.isUpgrade { begun?.abandon() }
            let startedAt = begun.map { NIODeadline.uptimeNanoseconds(UInt64($0.startedAt)) } ?? .now()
            let exchange: Exchange
            if checked.isUpgrade {
                exchange = UpgradeExchange(
                    client: self, request: request, entry: entry, startedAt: startedAt, begun: begun)
            } else {
                exchange = PlainExchange(client: self, request: request, entry: entry, startedAt: startedAt)
            }
            self.exchange = exchange
            exchange.start()
        }
    }

    /// Abandons the begun handshake, if no exchange has gone on with it.
    func dropBegunHandshake() {
        self.begunHandshake?.abandon()
        self.begunHandshake = nil
    }

    private func identity(of head: HTTPRequestHead) -> ClientIdentity {
        ClientIdentity(
            head.headers, peer: self.peer.address, address: self.peer.text, trusted: self.peer.trustedProxies,
            isSecure: self.peer.isSecure)
    }

    /// Answers a request that no upstream is to see.
    func refuse(_ head: HTTPRequestHead?, _ refusal: Refusal, keepAlive: Bool = false) {
        var entry = AccessLogEntry()
        if let head {
            entry = AccessLogEntry(head, self.identity(of: head), isHTTP2: self.peer.isHTTP2)
        } else {
            entry.time = UTCTime.now()
            entry.address = self.peer.text ?? "-"
        }
        entry.status = Int(refusal.status.code)
        entry.reason = refusal.reason
        entry.bytesSent = refusal.reason.utf8.count + 1
        self.loop.metrics.answered(status: entry.status, duration: 0)
        self.loop.core.accessLog?.write(entry)
        let hasBody = head.map { (try? BodyFraming.of($0)) != BodyFraming.none } ?? true
        let keepAlive =
            keepAlive && !hasBody && !self.closesAfterAnswer && !self.peer.isHTTP2 && head?.keepsConnection ?? false
        self.answer(
            .init(statusCode: refusal.status.code), refusal.reason, headers: HTTPHeaders(refusal.fields),
            isHead: head?.method == .HEAD, keepAlive: keepAlive)
        if keepAlive {
            // The end of this request is still to come; without an exchange it is thrown away.
            self.waitForRequest()
        } else {
            self.linger()
        }
    }

    // MARK: For exchanges

    var isWritable: Bool { self.context?.channel.isWritable ?? false }
    func write(_ part: HTTPServerResponsePart) { self.context?.write(self.wrapOutboundOut(part), promise: nil) }
    func flush() { self.context?.flush() }

    /// Sends an answer of the proxy's own.
    func answer(
        _ status: HTTPResponseStatus, _ reason: String, headers: HTTPHeaders = [:], isHead: Bool, keepAlive: Bool
    ) {
        var headers = headers
        let body = ByteBuffer(string: reason + "\n")
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        headers.add(name: "Cache-Control", value: "no-store")
        if !self.peer.isHTTP2 { self.addConnectionHeader(&headers, keepAlive: keepAlive && !self.closesAfterAnswer) }
        self.write(.head(.init(version: .http1_1, status: status, headers: headers)))
        if !isHead { self.write(.body(.byteBuffer(body))) }
        self.write(.end(nil))
        self.flush()
    }

    func addConnectionHeader(_ headers: inout HTTPHeaders, keepAlive: Bool) {
        // RFC 9110, section 7.8: a message with Upgrade lists it in Connection.
        let upgrade = headers.contains(name: "Upgrade") ? ", Upgrade" : ""
        headers.replaceOrAdd(name: "Connection", value: (keepAlive ? "keep-alive" : "close") + upgrade)
    }

    /// The exchange has answered its request to the end.
    func finished(_ exchange: Exchange, keepAlive: Bool) {
        guard exchange === self.exchange else { return }
        self.exchange = nil
        guard case .http = self.phase else { return }
        guard keepAlive, !self.peer.isHTTP2, !self.closesAfterAnswer, !self.isDraining, !self.input.isBroken else {
            self.linger()
            return
        }
        self.waitForRequest()
        // Not from here: a pipeline of a thousand requests would be as many calls deep.
        if !self.input.held.isEmpty {
            self.loop.eventLoop.assumeIsolated().execute { self.resume() }
        } else {
            self.readIfHeldBack()
        }
    }

    private func resume() {
        while !self.input.held.isEmpty, self.exchange == nil || self.exchange?.isRequestComplete == false {
            guard case .http = self.phase else { return }
            self.handle(self.input.held.removeFirst())
        }
        self.exchange?.clientReadComplete()
        self.readIfHeldBack()
    }

    private func waitForRequest() {
        self.startTimer(self.limits.keepAliveTimeout) { [weak self] in self?.linger() }
    }

    /// The PROXY protocol header for an upstream that wants one: the client's, or one made of the connection's
    /// addresses.
    var headerForUpstream: ProxyProtocolHeader {
        if let header = self.peer.proxyProtocolHeader { return header }
        let channel = self.peer.isHTTP2 ? self.context?.channel.parent : self.context?.channel
        return ProxyProtocolHeader(source: self.peer.address, destination: channel?.localAddress)
    }

    /// Ends our half and waits a little for the client's: closing with unread input would destroy the answer on its
    /// way.
    func linger() {
        guard let context = self.context, context.channel.isActive else { return }
        self.exchange = nil
        self.input.held = []
        self.phase = .lingering
        if self.peer.isHTTP2 {
            // A stream ends by itself when both halves have; what waits for the client's window may take its time.
            self.startTimer(self.limits.bodyTimeout) { [weak self] in self?.context?.close(promise: nil) }
            self.readIfHeldBack()
            return
        }
        // Whatever comes is thrown away, not gathered.
        if let decoder = self.codec?.takeDecoder() {
            context.pipeline.syncOperations.removeHandler(decoder, promise: nil)
        }
        // First the answer leaves, for which a slow client has its time.
        self.startTimer(self.limits.bodyTimeout) { [weak self] in self?.context?.close(promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            guard let self, self.context != nil, case .lingering = self.phase else { return }
            self.startTimer(.seconds(2)) { [weak self] in self?.context?.close(promise: nil) }
        }
        context.close(mode: .output, promise: promise)
        self.readIfHeldBack()
    }

    /// Ends the connection at once.
    func abort() { self.context?.close(promise: nil) }

    /// Notes that the proxy is already shutting down: the connection ends after the answer to its request.
    func noteDrain() { self.isDraining = true }

    /// The proxy shuts down.
    func drain() {
        self.isDraining = true
        if self.exchange == nil, case .http = self.phase { self.linger() }
    }

    // MARK: Reading

    var mayRead: Bool {
        switch self.phase {
        case .http: self.exchange?.mayReadClient ?? self.isWritable
        case .lingering: true
        case .upgraded, .closed: false
        }
    }

    func readIfHeldBack() {
        guard self.input.isReadHeldBack, self.mayRead, self.input.held.isEmpty, let context = self.context else {
            return
        }
        self.input.isReadHeldBack = false
        context.read()
    }

    func startTimer(_ time: TimeAmount, _ body: @escaping () -> Void) {
        self.timer?.cancel()
        self.timer = self.loop.eventLoop.assumeIsolated().scheduleTask(in: time) { body() }
    }

    func stopTimer() {
        self.timer?.cancel()
        self.timer = nil
    }
}
