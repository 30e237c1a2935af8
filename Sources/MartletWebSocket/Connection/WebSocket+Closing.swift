public import MartletProtocol
public import NIOCore
import NIOSSL

extension WebSocket {
    /// Begins the closing handshake: a close frame goes out behind everything that waits, and the connection ends when
    /// the peer answers, at the latest after ``WebSocketConfiguration/closeTimeout``.
    ///
    /// - Parameters:
    ///   - code: one that may be sent, see `CloseCode.isSendable`; any other becomes 1000.
    ///   - reason: cut to 123 bytes.
    public func close(_ code: CloseCode = .normalClosure, reason: String = "") {
        guard let frame = CloseFrame(code: code, reason: reason) ?? CloseFrame(code: .normalClosure, reason: reason),
            self.phase == .open, self.closeHandshake.start(frame)
        else { return }
        self.closeInformation = .init(
            code: frame.code ?? .normalClosure, reason: frame.reason, initiator: .local, isClean: false)
        self.phase = .closing
        self.startCloseTimer()
        self.sendLast(frame)
        // To find the peer's close frame everything is read.
        self.continueReading()
    }

    /// Ends the TCP connection at once, without a close frame; the peer sees 1006.
    public func abort(reason: String) {
        guard self.phase != .closed else { return }
        self.closeInformation = .init(
            code: .abnormalClosure, reason: reason, initiator: .local, isClean: false)
        self.endChannel(waitsForTLS: false)
    }

    /// The peer's close frame.
    func receivedClose(_ frame: CloseFrame) {
        switch self.closeHandshake.received(frame) {
        case .reply(let reply):
            self.closeInformation = .init(
                code: frame.code ?? .noStatusReceived, reason: frame.reason, initiator: .remote, isClean: true)
            self.phase = .lingering
            self.startCloseTimer()
            self.sendLast(reply)
        case .finish:
            let ours = self.closeInformation
            self.closeInformation = .init(
                code: ours?.code ?? .normalClosure, reason: ours?.reason ?? "", initiator: .local, isClean: true)
            self.phase = .lingering
            if !self.hasBacklog { self.closeFrameLeft() }
        case .ignore:
            break
        }
    }

    /// The peer broke the protocol: RFC 6455, section 7.1.7.
    func fail(_ violation: ProtocolViolation) {
        self.closeInformation = .init(
            code: violation.closeCode, reason: violation.reason, initiator: .local, isClean: false)
        let isFirst = CloseFrame(code: violation.closeCode, reason: violation.reason).flatMap {
            self.closeHandshake.start($0) ? $0 : nil
        }
        self.phase = .lingering
        self.startCloseTimer()
        if let isFirst { self.sendLast(isFirst) } else { self.closeFrameLeft() }
    }

    private func sendLast(_ frame: CloseFrame) {
        if self.hasBacklog {
            self.pendingClose = frame
            return
        }
        self.sendControl(.close, frame.body)
        self.flushCork()
        if !self.hasBacklog { self.closeFrameLeft() }
    }

    /// The kernel has our close frame. Once the peer's is here too, or will not be waited for, a server ends its half
    /// of the TCP connection and waits for the peer to end its own: closing outright with unread input would make the
    /// kernel send a reset, which can destroy the close frame on its way. A client waits for the server to begin
    /// (RFC 6455, section 7.1.1).
    func closeFrameLeft() {
        guard self.phase == .lingering, self.role == .server else { return }
        self.context?.close(mode: .output, promise: nil)
    }

    private func startCloseTimer() {
        self.keepAlive = nil
        self.timer?.cancel()
        self.timer = try? self.eventLoop.assumeIsolated().scheduleCallback(
            in: self.configuration.closeTimeout, handler: self)
    }

    /// - Parameter waitsForTLS: whether to give the peer a few seconds for the end of TLS.
    func endChannel(waitsForTLS: Bool = true) {
        guard self.phase != .closed else { return }
        self.phase = .closed
        self.directSocket = nil
        if !waitsForTLS, let pipeline = self.context?.pipeline.syncOperations,
            let tls = (try? pipeline.context(handlerType: NIOSSLServerHandler.self))
                ?? (try? pipeline.context(handlerType: NIOSSLClientHandler.self))
        {
            tls.close(promise: nil)
        } else {
            self.context?.close(promise: nil)
        }
    }

    /// The one place where a connection ends, however it ended.
    func ended() {
        guard self.context != nil else { return }
        self.deliverHeldInput()
        self.phase = .closed
        self.directSocket = nil
        self.timer?.cancel()
        self.timer = nil
        if self.isCorked {
            self.loop.output.clear()
            self.isCorked = false
            self.loop.isCorkTaken = false
        }
        self.context = nil
        self.decoder.end()
        self.compressor?.end()
        let information =
            self.closeInformation
            ?? .init(
                code: .abnormalClosure, reason: "the peer ended the connection without a close frame",
                initiator: .remote, isClean: false)
        self.loop.metrics.closed(information.code, self.role)
        self.handler.closed(self, information)
        self.giveReadyPlaceBack()
    }
}

extension WebSocket: NIOScheduledCallbackHandler {
    /// Tells keepalive pings from those of the application: four bytes, counted up.
    private func nextKeepAlivePayload() -> [UInt8] {
        self.keepAlivePingCount &+= 1
        return withUnsafeBytes(of: self.keepAlivePingCount.bigEndian) { Array($0) }
    }

    func scheduleKeepAlive() {
        guard let keepAlive = self.keepAlive else { return }
        self.timer = try? self.eventLoop.assumeIsolated().scheduleCallback(at: keepAlive.nextWake, handler: self)
    }

    public func handleScheduledCallback(eventLoop: some EventLoop) {
        self.timer = nil
        guard self.phase == .open else {
            // The close timeout. A handshake that is complete needs no excuse.
            if self.phase == .closing, let ours = self.closeInformation {
                let frame = ours.reason.isEmpty ? "\(ours.code)" : "\(ours.code), \(ours.reason)"
                self.closeInformation = .init(
                    code: .abnormalClosure, reason: "the peer did not answer the close frame (\(frame))",
                    initiator: .local, isClean: false)
            }
            self.endChannel()
            return
        }
        if self.isReadingPaused { self.keepAlive?.heard() }  // we are the silent one
        switch self.keepAlive?.wake(now: eventLoop.now) {
        case .peerIsDead:
            self.abort(
                reason: "the peer answered no ping for \(self.configuration.pingTimeout.nanoseconds / 1_000_000) ms")
        case .sendPing:
            if self.pendingPing == nil { self.ping(self.nextKeepAlivePayload()) }
            self.scheduleKeepAlive()
        case .nothing:
            self.scheduleKeepAlive()
        case nil:
            break
        }
    }
}
