import MartletProtocol
import MartletWebSocket

/// Two ends that pass each other's bytes on, once an upgrade has been agreed on by both.
///
/// Bytes go through untouched. The tunnel follows the frames in them, so that it can put in frames of its own: a ping
/// for a silent client, a close frame when the proxy shuts down or a limit is exceeded. It knows no sockets and no
/// clock.
///
/// Generic, so that the calls to the legs cost nothing on the reactor's path.
final class Tunnel<Leg: TunnelLeg> {
    /// Application data of our pings.
    private static var pingPayload: [UInt8] { Array("martlet".utf8) }

    /// One direction: what comes from one side, and goes to the other.
    struct Direction {
        var cursor: FrameCursor
        /// The beginning of a header: 0 to 13 bytes.
        var carry: [UInt8] = []
        var bytes = 0
        /// Whether the sender has ended its half.
        var hasEnded = false
        /// Whether nothing of it is passed on any more.
        var isDiscarded = false
    }

    let client: Leg
    let upstream: Leg
    private let policy: TunnelPolicy
    private let isPlain: Bool
    // Unchecked, since the check would cost a small message one percent: a tunnel is used on one thread, and no access
    // to one of these lasts while a leg is called, or anything else that could use the tunnel.
    @exclusivity(unchecked) private var fromClient: Direction
    @exclusivity(unchecked) private var fromUpstream: Direction
    private var bucket: TokenBucket?
    /// The close frame that both sides are to get, as soon as the frame that is under way is over.
    private var closing: CloseFrame?
    private var end = TunnelEnd.finished
    private(set) var hasEnded = false
    private var closeDeadline: Int64?
    private var lastFromClient: Int64
    private var lastFromUpstream: Int64
    private var pingedAt: Int64?
    /// The time at which one half was first seen to have ended while the other had not.
    private var halfClosedAt: Int64?
    private var onEnd: ((TunnelSummary) -> Void)?

    /// - Parameters:
    ///   - isCompressed: whether the two sides have agreed on permessage-deflate.
    ///   - now: nanoseconds of the clock that ``tick(now:)`` is told.
    ///   - onEnd: called once, when both connections have been closed.
    init(
        client: Leg, upstream: Leg, policy: TunnelPolicy, isCompressed: Bool, now: Int64,
        onEnd: @escaping (TunnelSummary) -> Void
    ) {
        self.client = client
        self.upstream = upstream
        self.policy = policy
        self.isPlain = !policy.isStrict
        self.fromClient = Direction(cursor: FrameCursor(role: .server, allowsCompression: isCompressed))
        self.fromUpstream = Direction(cursor: FrameCursor(role: .client, allowsCompression: isCompressed))
        self.bucket = policy.messageRate.map {
            TokenBucket(rate: $0, burst: max(policy.messageBurst ?? $0, 1), now: now)
        }
        self.lastFromClient = now
        self.lastFromUpstream = now
        self.onEnd = onEnd
    }

    // MARK: What the legs tell

    func received(_ bytes: UnsafeRawBufferPointer, from side: TunnelSide, now: Int64) {
        switch side {
        case .client:
            self.lastFromClient = now
            self.pingedAt = nil
            self.fromClient.bytes &+= bytes.count
            if self.fromClient.isDiscarded { return }
            guard self.fromClient.carry.isEmpty else {
                let whole = self.fromClient.carry + bytes
                self.fromClient.carry = []
                return whole.withUnsafeBytes { self.passFromClient($0, now) }
            }
            self.passFromClient(bytes, now)
        case .upstream:
            self.lastFromUpstream = now
            self.fromUpstream.bytes &+= bytes.count
            if self.fromUpstream.isDiscarded { return }
            guard self.fromUpstream.carry.isEmpty else {
                let whole = self.fromUpstream.carry + bytes
                self.fromUpstream.carry = []
                return whole.withUnsafeBytes { self.passFromUpstream($0) }
            }
            self.passFromUpstream(bytes)
        }
    }

    private func passFromClient(_ bytes: UnsafeRawBufferPointer, _ now: Int64) {
        let isClosing = self.closing != nil
        let passed: Int
        let stop: FrameCursor.Stop?
        if self.isPlain {
            (passed, stop) = self.fromClient.cursor.advance(over: bytes, stopsAtBoundary: isClosing)
        } else {
            (passed, stop) = self.fromClient.cursor.advance(
                over: bytes, maximumMessageSize: self.policy.maximumMessageSize ?? .max, stopsAtBoundary: isClosing,
                admit: self.bucket == nil ? nil : { self.bucket!.take(now: now) })
        }
        switch stop {
        case nil:
            self.send(bytes, passed, to: self.upstream, pausing: self.client)
            if isClosing {
                self.closeIfAtBoundary()
            } else if passed < bytes.count {
                self.fromClient.carry = Array(bytes[passed...])
            }
        case .violation where self.isPlain:
            // These are no frames that we know: from here on the bytes are passed on unseen.
            self.send(bytes, bytes.count, to: self.upstream, pausing: self.client)
        case .violation:
            // The upstream shall see what is wrong, and answer; it sees nothing of what follows.
            self.end = .violation
            self.send(bytes, min(passed + FrameHeader.maximumLength, bytes.count), to: self.upstream, pausing: nil)
            self.fromClient.isDiscarded = true
            self.closeDeadline = now + self.policy.closeTimeout
        case .messageTooBig:
            self.send(bytes, passed, to: self.upstream, pausing: nil)
            self.close(.messageTooBig, .messageTooBig, now: now)
        case .tooManyMessages:
            self.send(bytes, passed, to: self.upstream, pausing: nil)
            self.close(.tooManyMessages, .policyViolation, now: now)
        }
    }

    private func passFromUpstream(_ bytes: UnsafeRawBufferPointer) {
        let isClosing = self.closing != nil
        let (passed, stop) = self.fromUpstream.cursor.advance(over: bytes, stopsAtBoundary: isClosing)
        guard stop == nil else {
            // Clients check what servers send; and without frames there is no place for a frame of ours.
            self.send(bytes, bytes.count, to: self.client, pausing: self.upstream)
            return
        }
        self.send(bytes, passed, to: self.client, pausing: self.upstream)
        if isClosing {
            self.closeIfAtBoundary()
        } else if passed < bytes.count {
            self.fromUpstream.carry = Array(bytes[passed...])
        }
    }

    @inline(__always)
    private func send(_ bytes: UnsafeRawBufferPointer, _ count: Int, to leg: Leg, pausing source: Leg?) {
        guard count > 0 else { return }
        leg.send(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if leg.isBackedUp { source?.setReading(false) }
    }

    /// Everything that waited for `side` has left.
    func writable(_ side: TunnelSide) {
        guard !self.hasEnded else { return }
        self.leg(side.other).setReading(true)
        self.finishIfDone()
    }

    /// `side` has ended its half: the output to the other side ends as well, behind what is on its way.
    func inputEnded(_ side: TunnelSide) {
        guard !self.hasEnded else { return }
        switch side {
        case .client:
            guard !self.fromClient.hasEnded else { return }
            self.fromClient.hasEnded = true
            if !self.fromClient.isDiscarded { Self.endOutput(self.upstream, behind: self.fromClient.carry) }
        case .upstream:
            guard !self.fromUpstream.hasEnded else { return }
            self.fromUpstream.hasEnded = true
            if !self.fromUpstream.isDiscarded { Self.endOutput(self.client, behind: self.fromUpstream.carry) }
        }
        self.finishIfDone()
    }

    private static func endOutput(_ leg: Leg, behind carry: [UInt8]) {
        carry.withUnsafeBytes { if !$0.isEmpty { leg.send($0) } }
        leg.endOutput()
    }

    private func finishIfDone() {
        guard self.fromClient.hasEnded, self.fromUpstream.hasEnded, !self.client.hasUnsentBytes,
            !self.upstream.hasUnsentBytes
        else { return }
        self.client.close()
        self.upstream.close()
        self.settle()
    }

    /// The connection to `side` is gone, in both directions: the other ends behind what is on its way.
    func disconnected(_ side: TunnelSide) {
        guard !self.hasEnded else { return }
        switch side {
        case .client:
            self.fromUpstream.isDiscarded = true
            self.fromUpstream.hasEnded = true
        case .upstream:
            self.fromClient.isDiscarded = true
            self.fromClient.hasEnded = true
        }
        self.inputEnded(side)
        self.finishIfDone()
    }

    /// The connection to `side` broke: the other side sees a reset as well.
    func failed(_ side: TunnelSide) {
        guard !self.hasEnded else { return }
        if self.end == .finished { self.end = side == .client ? .clientReset : .upstreamReset }
        self.abort()
    }

    // MARK: Time

    /// Checks the time limits; to be called about once a second.
    func tick(now: Int64) {
        guard !self.hasEnded else { return }
        if let deadline = self.closeDeadline {
            guard now >= deadline else { return }
            if self.end == .violation, self.closing == nil, !self.fromUpstream.cursor.hasClosed {
                self.close(.violation, .protocolError, now: now)
            } else {
                self.abort()
            }
            return
        }
        if self.client.hasUnsentBytes || self.upstream.hasUnsentBytes {
            // While bytes wait for a slow peer, the other side may not be read: that is no silence.
            self.lastFromClient = now
            self.pingedAt = nil
            return
        }
        if self.fromClient.hasEnded || self.fromUpstream.hasEnded {
            let since = self.halfClosedAt ?? now
            self.halfClosedAt = since
            let last = max(self.lastFromClient, self.lastFromUpstream, since)
            if now - last >= self.policy.halfClosedTimeout { return self.abort() }
        }
        if let interval = self.policy.pingInterval { self.keepAlive(interval, now) }
        if let limit = self.policy.idleTimeout, self.closing == nil, !self.hasEnded,
            now - max(self.lastFromClient, self.lastFromUpstream) >= limit
        {
            self.close(.idle, .goingAway, now: now)
        }
    }

    /// Whether a close frame of ours is on its way.
    var isClosing: Bool { self.closing != nil }

    private func keepAlive(_ interval: Int64, _ now: Int64) {
        if let pingedAt = self.pingedAt {
            guard now - pingedAt >= self.policy.pingTimeout else { return }
            self.end = .clientDead
            self.abort()
        } else if now - self.lastFromClient >= interval, self.fromUpstream.cursor.isAtBoundary,
            self.fromUpstream.carry.isEmpty, self.closing == nil, !self.fromUpstream.hasEnded,
            !self.fromUpstream.cursor.hasClosed
        {
            let payload = Self.pingPayload
            self.pingedAt = now
            self.inject(.ping, payload, to: .client)
        }
    }

    // MARK: Ending

    /// Closes with 1001: the proxy shuts down.
    func drain(now: Int64) { self.close(.drained, .goingAway, now: now) }

    /// Ends both connections at once.
    func stop() {
        guard !self.hasEnded else { return }
        self.end = .drained
        self.abort()
    }

    private func close(_ end: TunnelEnd, _ code: CloseCode, now: Int64) {
        guard self.closing == nil, !self.hasEnded else { return }
        self.end = end
        guard let frame = CloseFrame(code: code, reason: end.rawValue) else { return }
        self.closing = frame
        self.closeDeadline = now + self.policy.closeTimeout
        self.closeIfAtBoundary()
    }

    /// Puts the close frame into each direction in which no frame is under way, and ends that direction.
    private func closeIfAtBoundary() {
        guard let frame = self.closing else { return }
        if Self.mayClose(self.fromUpstream) {
            self.fromUpstream.isDiscarded = true
            if !self.fromUpstream.cursor.hasClosed { self.inject(.close, frame.body, to: .client) }
            self.client.endOutput()
            self.upstream.setReading(true)
        }
        if Self.mayClose(self.fromClient) {
            self.fromClient.isDiscarded = true
            if !self.fromClient.cursor.hasClosed { self.inject(.close, frame.body, to: .upstream) }
            self.upstream.endOutput()
            self.client.setReading(true)
        }
    }

    /// Returns whether a close frame may be put in. A header of which a part has come was not passed on: it is no
    /// obstacle.
    private static func mayClose(_ direction: Direction) -> Bool {
        (direction.cursor.isAtBoundary || direction.cursor.isLost) && !direction.isDiscarded && !direction.hasEnded
    }

    private func inject(_ opcode: Opcode, _ payload: [UInt8], to side: TunnelSide) {
        if side == .client ? self.fromUpstream.cursor.isLost : self.fromClient.cursor.isLost { return }
        var bytes = payload
        var header = FrameHeader(opcode: opcode, payloadLength: payload.count)
        if side == .upstream {
            let key = UInt32.random(in: 0 ... .max)  // of the system's generator: RFC 6455, section 5.3
            header.maskingKey = key
            for index in bytes.indices { bytes[index] ^= UInt8(truncatingIfNeeded: key >> (8 * UInt32(index % 4))) }
        }
        let frame =
            [UInt8](unsafeUninitializedCapacity: FrameHeader.maximumLength) { buffer, count in
                count = header.encode(to: UnsafeMutableRawBufferPointer(buffer))
            } + bytes
        frame.withUnsafeBytes { self.leg(side).send($0) }
    }

    private func leg(_ side: TunnelSide) -> Leg { side == .client ? self.client : self.upstream }

    private func abort() {
        self.hasEnded = true  // closing one leg may tell of its end at once
        self.client.abort()
        self.upstream.abort()
        self.settle()
    }

    private func settle() {
        self.hasEnded = true
        var summary = TunnelSummary()
        summary.end = self.end
        summary.bytesFromClient = self.fromClient.bytes
        summary.bytesFromUpstream = self.fromUpstream.bytes
        summary.messagesFromClient = self.fromClient.cursor.messages
        summary.messagesFromUpstream = self.fromUpstream.cursor.messages
        summary.closeCode =
            self.closing?.code?.rawValue ?? self.fromClient.cursor.closeCode ?? self.fromUpstream.cursor.closeCode
        self.onEnd?(summary)
        self.onEnd = nil
    }
}
