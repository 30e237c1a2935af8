import MartletProtocol
import MartletWebSocket
import NIOCore

/// Two WebSockets that pass each other's messages on: the client's, compressed, and the proxy's own to the upstream,
/// plain.
///
/// Messages go part by part, so that none is buffered whole. When one side closes, the other gets the same code and
/// reason.
final class WebSocketRelay: LoopWebSocket {
    /// The number of bytes waiting for one side beyond which the other side is not read.
    private static let highWaterMark = 64 * 1024

    /// One side's handler.
    final class End: WebSocketHandler {
        private let side: TunnelSide
        weak var relay: WebSocketRelay?

        init(_ side: TunnelSide) { self.side = side }

        var delivery: MessageDecoder.Delivery { .parts }

        func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
            self.relay?.pass(.init(kind: kind, isFirst: true, isLast: true), payload, from: self.side)
        }

        func received(_ part: MessagePart, _ payload: RawSpan, on socket: WebSocket) {
            self.relay?.pass(part, payload, from: self.side)
        }

        func drained(_ socket: WebSocket) { self.relay?.socket(self.side.other)?.resumeReading() }

        func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {
            self.relay?.closed(self.side, information)
        }
    }

    private let policy: WebSocketPolicy
    private let onEnd: (TunnelSummary) -> Void
    private weak var loop: ProxyLoop?
    private var client: WebSocket?
    private var upstream: WebSocket?
    private var bucket: TokenBucket?
    private var summary = TunnelSummary()
    private(set) var isClosing = false
    /// A message of the client was refused: nothing of it, and nothing behind it, is passed on.
    private var refusesClient = false
    private var lastActivity = WebSocketRelay.now()

    init(policy: WebSocketPolicy, loop: ProxyLoop, onEnd: @escaping (TunnelSummary) -> Void) {
        self.policy = policy
        self.loop = loop
        self.onEnd = onEnd
        self.bucket = policy.messageRate.map {
            TokenBucket(rate: $0, burst: max(policy.messageBurst ?? $0, 1), now: Self.now())
        }
    }

    /// Puts the WebSockets at the ends of the channels' pipelines.
    func start(
        client: any Channel, isClientPlain: Bool, compression: DeflateParameters?, upstream: any Channel,
        isUpstreamPlain: Bool, subprotocol: String?
    ) throws {
        var configuration = WebSocketConfiguration()
        configuration.outboundQueueLimit = .max / 2  // reading stops at the high-water mark
        let unlimited = configuration.limits
        if let limit = self.policy.maximumMessageSize { configuration.limits.maximumMessageSize = limit }
        configuration.pingInterval = self.policy.pingInterval
        configuration.pingTimeout = self.policy.pingTimeout
        let compressed = CompressionConfiguration()
        configuration.compression = compression == nil ? nil : compressed
        let clientEnd = End(.client)
        let upstreamEnd = End(.upstream)
        clientEnd.relay = self
        upstreamEnd.relay = self
        let clientSocket = WebSocket(
            role: .server, configuration: configuration, subprotocol: subprotocol, compression: compression,
            isPlainTCP: isClientPlain, handler: clientEnd, eventLoop: client.eventLoop)
        // What the upstream sends is passed on as it comes, however long a message is.
        configuration.limits = unlimited
        configuration.limits.maximumMessageSize = .max / 2
        configuration.compression = nil
        configuration.pingInterval = nil
        let upstreamSocket = WebSocket(
            role: .client, configuration: configuration, subprotocol: subprotocol, isPlainTCP: isUpstreamPlain,
            handler: upstreamEnd, eventLoop: upstream.eventLoop)
        self.client = clientSocket
        self.upstream = upstreamSocket
        self.loop?.opened(self)
        try client.pipeline.syncOperations.addHandler(clientSocket)
        try upstream.pipeline.syncOperations.addHandler(upstreamSocket)
    }

    private func socket(_ side: TunnelSide) -> WebSocket? { side == .client ? self.client : self.upstream }

    private func pass(_ part: MessagePart, _ payload: RawSpan, from side: TunnelSide) {
        guard let source = self.socket(side), let target = self.socket(side.other) else { return }
        self.lastActivity = Self.now()
        if side == .client {
            guard !self.refusesClient else { return }
            self.summary.bytesFromClient += payload.byteCount
            if part.isLast { self.summary.messagesFromClient += 1 }
            if part.isFirst, self.bucket?.take(now: Self.now()) == false {
                self.refusesClient = true
                self.summary.end = .tooManyMessages
                source.close(.policyViolation, reason: TunnelEnd.tooManyMessages.rawValue)
                return
            }
        } else {
            self.summary.bytesFromUpstream += payload.byteCount
            if part.isLast { self.summary.messagesFromUpstream += 1 }
        }
        let result =
            part.isFirst && part.isLast ? target.send(part.kind, payload) : target.send(part, payload)
        if result == .closed { return }
        if target.bufferedAmount > Self.highWaterMark { source.pauseReading() }
    }

    private func closed(_ side: TunnelSide, _ information: WebSocketCloseInformation) {
        if self.summary.closeCode == nil, information.code != .abnormalClosure {
            self.summary.closeCode = information.code.rawValue
        }
        if side == .client { self.client = nil } else { self.upstream = nil }
        if let other = self.socket(side.other) {
            if information.code == .abnormalClosure {
                if self.summary.end == .finished { self.summary.end = side == .client ? .clientReset : .upstreamReset }
                other.abort(reason: information.reason)
            } else {
                other.close(information.code, reason: information.reason)
            }
        } else {
            self.loop?.closed(self)
            self.onEnd(self.summary)
        }
    }

    private static func now() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds) }

    // MARK: LoopWebSocket

    func tick(now: Int64) {
        guard let limit = self.policy.idleTimeout?.nanoseconds, !self.isClosing, now - self.lastActivity >= limit else {
            return
        }
        self.close(.idle)
    }

    func drain() { self.close(.drained) }

    private func close(_ end: TunnelEnd) {
        self.isClosing = true
        self.summary.end = end
        self.client?.close(.goingAway, reason: end.rawValue)
        self.upstream?.close(.goingAway, reason: end.rawValue)
    }

    func abort() {
        self.client?.abort(reason: TunnelEnd.drained.rawValue)
        self.upstream?.abort(reason: TunnelEnd.drained.rawValue)
    }
}
