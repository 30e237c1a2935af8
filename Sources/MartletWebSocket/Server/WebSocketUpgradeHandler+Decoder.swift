// Removing and replacing the decoder, going on afterwards, and the handshake timeout.
import HTTPTypes
import NIOCore
import NIOHTTP1

extension WebSocketUpgradeHandler {
    /// Runs `action` when no read is under way, so that no part can come any more.
    func betweenReads(_ action: @escaping () -> Void) {
        if self.isInRead { self.afterRead = action } else { action() }
    }

    func removeDecoder(whenWritten written: EventLoopFuture<Void>, then next: @escaping () -> Void) {
        guard let context = self.context else { return }
        // Until then nothing can come: the decoder has stopped, or what it says is held and proves the opposite.
        self.state = .keepingDecoder
        written.assumeIsolated().whenSuccess {
            self.betweenReads {
                guard case .keepingDecoder = self.state else { return }
                guard self.heldParts.isEmpty else {
                    // The decoder went on: this was no upgrade in its eyes, and what follows is not ours to guess.
                    context.close(promise: nil)
                    return
                }
                self.state = .removingDecoder
                context.pipeline.syncOperations.removeHandler(self.decoder).assumeIsolated().whenSuccess { next() }
            }
        }
    }

    /// Puts a new decoder in the place of one that has stopped.
    func replaceDecoder() {
        guard let context = self.context else { return }
        self.state = .keepingDecoder
        self.betweenReads {
            guard case .keepingDecoder = self.state else { return }
            guard self.heldParts.isEmpty else {
                self.state = .ready
                self.resume()
                return
            }
            self.state = .removingDecoder
            context.pipeline.syncOperations.removeHandler(self.decoder).assumeIsolated().whenSuccess {
                self.decoderWasRemoved()
            }
        }
    }

    func decoderWasRemoved() {
        guard let context = self.context, context.channel.isActive else { return }
        let pipeline = context.pipeline.syncOperations
        self.decoder = Self.makeDecoder(self.limits)
        let bytes = self.leftovers
        self.leftovers = []
        self.state = .ready
        do {
            try pipeline.addHandler(self.decoder, position: .after(self.encoder))
            let encoderContext = try pipeline.context(handler: self.encoder)
            for bytes in bytes { encoderContext.fireChannelRead(NIOAny(bytes)) }
            if !bytes.isEmpty { encoderContext.fireChannelReadComplete() }
        } catch {
            context.close(promise: nil)
            return
        }
        self.resume()
    }

    /// Goes on with what was held back: one request after the other, however many there are.
    func resume() {
        guard !self.isResuming else { return }
        self.isResuming = true
        var hasPassed = false
        defer {
            self.isResuming = false
            // The HTTP side gathers what comes until it is told that the read is over.
            if hasPassed, self.httpSide != nil, !self.isInRead { self.context?.fireChannelReadComplete() }
        }
        while !self.heldParts.isEmpty {
            switch self.state {
            case .ready, .passing, .receiving, .collecting:
                hasPassed = true
                self.handle(self.heldParts.removeFirst())
            default: return
            }
        }
        if self.hasInputEnded, self.httpSide == nil {
            switch self.state {
            case .ready, .collecting: return self.finishAfterFlush()
            default: break
            }
        }
        self.readIfHeldBack()
        self.drainIfIdle()
    }

    /// A drain that came while a request was being dealt with.
    func drainIfIdle() {
        guard self.isDraining, case .ready = self.state, let context = self.context else { return }
        self.drain(context)
    }
}

extension WebSocketUpgradeHandler {
    func settleWithoutHTTP() {
        if self.httpSide == nil { self.onUpgradeWithoutHTTP?() }
        self.onUpgradeWithoutHTTP = nil
    }

    /// - Parameter time: `nil` for that of a handshake.
    func startTimer(after time: TimeAmount? = nil) {
        self.timer?.cancel()
        self.timer = self.context?.eventLoop.assumeIsolated().scheduleTask(in: time ?? self.limits.handshakeTimeout) {
            self.timer = nil
            switch self.state {
            case .finished: self.context?.close(promise: nil)
            case .deciding(let handshake, _):
                self.refuse(handshake, .serviceUnavailable, reason: "the authorization took too long")
            default: self.refuseAndClose(.requestTimeout, reason: "no complete request came in time")
            }
        }
    }

    func stopTimer() {
        self.timer?.cancel()
        self.timer = nil
    }

    func stop() {
        self.stopTimer()
        self.idleTimer?.cancel()
        self.idleTimer = nil
        self.settleWithoutHTTP()
        self.releaseAdmission()
        self.state = .finished
        self.afterRead = nil
    }
}
