import CMartletSystem
import Logging
import NIOCore
import NIOHTTP1

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The opening handshake of a connection that a reactor has just accepted. If the first bytes are a valid request for a
/// WebSocket on an upstream over plain TCP, and the upstream server answers with a valid 101, the two sockets become a
/// tunnel of the same reactor without NIO: such a handshake costs little more than its system calls.
///
/// Everything else (other requests, routes and answers, anything unusual) goes to NIO's pipeline, together with the
/// bytes that have been read and, if the request has been sent already, with the connection to the upstream server. So
/// a 101 is the only answer that is sent from here.
final class DirectHandshake: TunnelOpener {
    private enum Phase {
        /// Nothing has come.
        case arriving
        case connecting
        /// The whole request is with the upstream.
        case answering
        case over
    }

    /// The upstream servers that were tried, and the one that is being spoken to.
    private struct UpstreamSide {
        var leg: SocketLeg?
        /// Whether its socket is registered with epoll.
        var isPolled = false
        var endpoint: Endpoint?
        var tried: [Endpoint] = []
        /// Whether the last one that was tried did not answer in time.
        var isTimeout = false
        var sentAt: NIODeadline?
        /// The beginning of its answer.
        var answer: [UInt8] = []
    }

    /// The longest request that is handled here, in bytes: a socket's buffer takes this much at once. Longer ones go to
    /// NIO.
    private static let mostOfRequest = 8 * 1024
    /// The size of the read of the request, in bytes; the rest stays in the socket, for NIO to read.
    private static let mostToRead = 16 * 1024
    private static let mostOfAnswer = 16 * 1024

    private let context: DirectContext
    private let reactor: TunnelReactor
    private let peer: SocketAddress
    private let client: SocketLeg
    private var upstream = UpstreamSide()
    private var phase = Phase.arriving
    private let acceptedAt: Int64
    private var deadline: Int64
    /// The time at which the request came, or the connection was accepted before that. Nanoseconds.
    private var startedAt: Int64
    private var received: [UInt8] = []
    private var upgrade: ProxiedUpgrade?
    /// The entry for the access log; `nil` before the request, and without an access log.
    private var entry: AccessLogEntry?

    /// Takes the client's descriptor over.
    init(client: CInt, peer: SocketAddress, context: DirectContext, reactor: TunnelReactor, now: Int64) {
        self.client = SocketLeg(side: .client, descriptor: client, reactor: reactor)
        self.peer = peer
        self.context = context
        self.reactor = reactor
        self.acceptedAt = now
        self.startedAt = now
        self.deadline = Self.time(now, plus: context.limits.headerTimeout)
    }

    func start() {
        self.client.handshake = self
        self.reactor.opened(self)
        if !self.reactor.poll(self.client, events: PolledSocket.inputEvents) { self.giveUp() }
    }

    // MARK: What the reactor tells

    override func ready(_ leg: SocketLeg, _ events: UInt32, _ now: Int64) {
        // epoll reports events once: what is not handled here is noted for the tunnel.
        if events & PolledSocket.readEvents != 0 { leg.isReadable = true }
        if events & PolledSocket.hangUpEvents != 0 { leg.hasHungUp = true }
        switch (leg.side, self.phase) {
        case (_, .over): break
        case (.upstream, _) where leg !== self.upstream.leg: break  // one that has been given up
        case (.client, .arriving): if leg.isReadable { self.readRequest(now) }
        case (.client, _):
            // A client that has ended its half is taken to have left, as in nginx.
            if leg.hasHungUp { self.clientLeft() }
        case (.upstream, .connecting): self.connected(now)
        case (.upstream, .answering): if leg.isReadable { self.readAnswer(now) }
        case (.upstream, .arriving): break
        }
    }

    override func tick(_ now: Int64) {
        guard now >= self.deadline else { return }
        switch self.phase {
        case .arriving: self.end()  // without a request there is nothing to answer
        case .connecting:
            self.upstream.isTimeout = true
            if now >= self.answerDeadline {
                self.endpointFailed("response timeout", ETIMEDOUT)
                return self.giveUp()  // NIO answers with 504
            }
            self.endpointFailed("connect timeout", ETIMEDOUT)
            self.connect(now)
        case .answering: self.giveUp()  // NIO answers with 504
        case .over: break
        }
    }

    /// The proxy shuts down.
    override func drain() { if case .arriving = self.phase { self.end() } }

    /// The thread ends.
    override func stop() { self.end() }

    // MARK: The request

    private func readRequest(_ now: Int64) {
        let buffer = self.reactor.buffer
        let count = martlet_receive(self.client.descriptor, buffer.baseAddress, Self.mostToRead)
        guard count > 0 else {
            if count == 0 || errno != EAGAIN && errno != EINTR { self.end() }
            return
        }
        self.client.isReadable = false  // a request that fills the buffer goes to NIO
        self.startedAt = now
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        self.received = Array(bytes)
        guard !self.client.hasHungUp, let upgrade = self.check(bytes) else { return self.giveUp() }
        self.upgrade = upgrade
        self.connect(now)
    }

    /// Checks the request.
    ///
    /// - Returns: `nil` if the request is invalid, or cannot be handled here.
    private func check(_ bytes: UnsafeRawBufferPointer) -> ProxiedUpgrade? {
        let limits = self.context.limits
        guard bytes.count <= min(Self.mostOfRequest, limits.maximumHeaderSize),
            let head = HeadParser.request(bytes, maximumCount: limits.maximumHeaderCount),
            case .success(let checked) = RequestCheck.check(head, isHTTP2: false), checked.isUpgrade,
            !self.context.core.isDraining,
            let route = self.context.core.routing.route(host: checked.host, path: checked.target.decodedPath),
            route.isDirect
        else { return nil }
        let identity = ClientIdentity(
            head.headers, peer: self.peer, address: self.peer.ipAddress,
            trusted: self.context.listener.trustedProxies, isSecure: false)
        let request = ProxiedRequest(head: head, checked: checked, route: route, identity: identity, isHTTP2: false)
        var upgrade = ProxiedUpgrade(request)
        guard case .connect = upgrade.arrived(hasMore: false) else { return nil }
        if self.context.core.accessLog != nil {
            var entry = AccessLogEntry(head, identity, isHTTP2: false)
            entry.take(request)
            self.entry = entry
        }
        return upgrade
    }

    private func clientLeft() {
        let duration = max(TunnelReactor.now() - self.startedAt, 0)
        self.upgrade?.request.route.metrics.answered(status: 499, duration: duration)
        if var entry = self.entry {
            entry.status = 499
            entry.reason = "the client left"
            entry.duration = duration
            self.context.core.accessLog?.write(entry)
        }
        self.end()
    }

    // MARK: The upstream

    private func connect(_ now: Int64) {
        guard let upgrade = self.upgrade,
            let endpoint = upgrade.request.route.group.choose(
                key: upgrade.request.hashKey, except: self.upstream.tried, at: .uptimeNanoseconds(UInt64(now))),
            let address = endpoint.directAddress
        else { return self.giveUp() }
        self.upstream.endpoint = endpoint
        self.entry?.endpoint = endpoint.name
        endpoint.began()
        self.phase = .connecting
        self.deadline = min(
            Self.time(now, plus: upgrade.request.route.group.configuration.connectTimeout), self.answerDeadline)
        let descriptor = TunnelSocketOptions.open(address, isLoopback: endpoint.isLoopback)
        guard descriptor >= 0 else { return self.giveUp() }
        let upstream = SocketLeg(side: .upstream, descriptor: descriptor, reactor: self.reactor)
        upstream.handshake = self
        self.upstream.leg = upstream
        let result = address.withSockAddr { Glibc.connect(descriptor, $0, socklen_t($1)) }
        guard result == 0 || errno == EINPROGRESS else { return self.connectionFailed(now) }
        // On the same machine the connection is there already.
        self.send(to: endpoint, now)
    }

    private func connectionFailed(_ now: Int64) {
        self.endpointFailed("no connection", errno)
        self.upstream.isTimeout = false
        self.connect(now)
    }

    /// - Returns: whether the upstream's socket is polled.
    private func pollUpstream(_ upstream: SocketLeg, events: UInt32) -> Bool {
        if self.upstream.isPolled { return true }
        self.upstream.isPolled = true
        return self.reactor.poll(upstream, events: events)
    }

    private func connected(_ now: Int64) {
        guard let endpoint = self.upstream.endpoint else { return }
        self.send(to: endpoint, now)
    }

    private func send(to endpoint: Endpoint, _ now: Int64) {
        guard let upstream = self.upstream.leg,
            case .send(let request)? = self.upgrade?.connected(authority: endpoint.url.authority)
        else { return }
        let head = HeadWriter.bytes(request)
        let sent = head.withUnsafeBytes { martlet_send(upstream.descriptor, $0.baseAddress, $0.count) }
        if sent == head.count {
            self.phase = .answering
            self.upgrade?.sent()
            self.upstream.sentAt = .now()
            self.deadline = self.answerDeadline
            guard self.pollUpstream(upstream, events: PolledSocket.inputEvents) else { return self.giveUp() }
            // Bytes may have come before the request was sent; epoll does not report them again.
            if upstream.isReadable { self.readAnswer(now) }
        } else if sent >= 0 {
            // The upstream server cannot use a part of a request: NIO sends it again, over another connection.
            self.closeUpstream()
            self.giveUp()
        } else if errno == EAGAIN || errno == EINTR {
            // The connection is not open yet: epoll reports when it is.
            guard self.pollUpstream(upstream, events: PolledSocket.allEvents) else { return self.connectionFailed(now) }
        } else {
            self.connectionFailed(now)
        }
    }

    private func endpointFailed(_ reason: String, _ code: CInt) {
        guard let upgrade = self.upgrade, let endpoint = self.upstream.endpoint else { return }
        self.closeUpstream()
        upgrade.request.route.group.failed(
            endpoint, reason: reason, error: IOError(errnoCode: code, reason: "connect"),
            logger: self.context.core.logger)
        self.upstream.tried.append(endpoint)
    }

    private func closeUpstream() {
        self.upstream.endpoint?.ended()
        self.upstream.endpoint = nil
        self.upstream.isPolled = false
        guard let upstream = self.upstream.leg else { return }
        self.upstream.leg = nil
        self.reactor.close(upstream)
    }

    /// The time by which the upstream server must have answered, in nanoseconds; `.max` before the request.
    private var answerDeadline: Int64 {
        self.upgrade.map { Self.time(self.startedAt, plus: $0.request.route.configuration.responseTimeout) } ?? .max
    }

    private static func time(_ time: Int64, plus amount: TimeAmount) -> Int64 {
        let (sum, isTooFar) = time.addingReportingOverflow(amount.nanoseconds)
        return isTooFar ? .max : sum
    }

    // MARK: The answer

    private func readAnswer(_ now: Int64) {
        guard let upstream = self.upstream.leg else { return }
        let buffer = self.reactor.buffer
        while true {
            let count = martlet_receive(upstream.descriptor, buffer.baseAddress, Self.mostOfAnswer)
            guard count > 0 else {
                if count == 0 || errno != EAGAIN && errno != EINTR { return self.giveUp() }
                return
            }
            let before = self.upstream.answer.count
            self.upstream.answer += buffer[..<count]
            if let end = self.upstream.answer.withUnsafeBytes({ HeadParser.end($0, from: before) }) {
                let head = self.upstream.answer.withUnsafeBytes {
                    HeadParser.switchingProtocols(
                        UnsafeRawBufferPointer(rebasing: $0[..<end]),
                        maximumCount: self.context.limits.maximumHeaderCount)
                }
                guard let head, let route = self.upgrade?.request.route,
                    case .open(let headers, let isCompressed)? = self.upgrade?.answered(head)
                else { return self.giveUp() }
                upstream.isReadable = count == Self.mostOfAnswer || upstream.hasHungUp
                return self.succeed(
                    route, upstream, headers, isCompressed: isCompressed,
                    behind: Array(self.upstream.answer[end...]), now)
            }
            guard self.upstream.answer.count < Self.mostOfAnswer,
                self.upstream.answer.starts(with: "HTTP/1.1 101".utf8.prefix(before + count))
            else { return self.giveUp() }
            // Reads on until nothing is left: the end of the connection may follow, and it is reported only once.
        }
    }

    private func succeed(
        _ route: Route, _ upstream: SocketLeg, _ headers: HTTPHeaders, isCompressed: Bool, behind: [UInt8], _ now: Int64
    ) {
        self.upstream.endpoint?.succeeded()
        if let sentAt = self.upstream.sentAt { self.entry?.upstreamDuration = (.now() - sentAt).nanoseconds }
        let onEnd = TunnelAccount(
            entry: self.entry, startedAt: .uptimeNanoseconds(UInt64(self.startedAt)), metrics: route.metrics,
            endpoint: self.upstream.endpoint, connections: self.context.core.connections,
            accessLog: self.context.core.accessLog
        ).open()
        self.phase = .over
        self.reactor.closed(self)
        self.client.handshake = nil
        upstream.handshake = nil
        self.reactor.open(
            self.client, upstream,
            TunnelTerms(
                policy: route.tunnelPolicy, isCompressed: isCompressed,
                fromUpstream: behind, toClient: HeadWriter.switchingProtocols(headers),
                onEnd: onEnd),
            now)
    }

    // MARK: The end

    /// Hands the connection and the state of its handshake to NIO.
    private func giveUp() {
        guard let phase = self.leave() else { return }
        var begun: BegunHandshake?
        if let upgrade = self.upgrade {
            var open: OpenUpstream?
            if case .answering = phase, let upstream = self.upstream.leg, let endpoint = self.upstream.endpoint {
                open = .init(descriptor: upstream.descriptor, endpoint: endpoint, received: self.upstream.answer)
                self.reactor.forget(upstream.descriptor)
            } else {
                self.closeUpstream()
            }
            begun = BegunHandshake(
                requestID: upgrade.request.id, route: upgrade.request.route, startedAt: self.startedAt,
                tried: self.upstream.tried, isTimeout: self.upstream.isTimeout, upstream: open)
        }
        self.reactor.forget(self.client.descriptor)
        self.context.giveUp(
            AcceptedConnection(
                descriptor: self.client.descriptor, peer: self.peer, acceptedAt: self.acceptedAt,
                received: self.received, begun: begun))
    }

    /// Ends both connections.
    private func end() {
        guard self.leave() != nil else { return }
        self.closeUpstream()
        self.reactor.close(self.client)
        self.context.core.connections.ended()
    }

    /// - Returns: the phase that it was in; `nil` if it was over already.
    private func leave() -> Phase? {
        if case .over = self.phase { return nil }
        defer { self.phase = .over }
        self.reactor.closed(self)
        return self.phase
    }
}
