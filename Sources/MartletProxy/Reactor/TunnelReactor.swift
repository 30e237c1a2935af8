import CMartletSystem
import MartletProtocol
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemClose = close(_:)

/// A thread that moves the bytes of tunnels over plain TCP: one `epoll_wait` for many of them, one `recv` and one
/// `send` a read. A tunnel here holds no channel of NIO, no receive buffer and no task; it costs about a kilobyte.
///
/// Why not on NIO's event loops: two channels a tunnel cost 15 % more CPU a message and several kilobytes of memory.
///
/// `@unchecked Sendable`: ``commands`` is a mutex and ``openTunnels`` atomic; everything else is used on the thread
/// alone.
final class TunnelReactor: @unchecked Sendable {
    /// The two connections of a new tunnel, which NIO has let go of.
    struct Pair: Sendable {
        /// Open sockets, which the reactor takes over. None of their bytes may be left in other buffers.
        var client: CInt
        var upstream: CInt
        var terms: TunnelTerms
    }

    private struct Commands {
        var added: [Pair] = []
        /// The number of tunnels to close with 1001; a number above that of the open tunnels closes all.
        var toDrain = 0
        var others: [@Sendable (TunnelReactor) -> Void] = []
        var stops = false
        /// Whether the thread has ended, or is about to; then no more commands are accepted.
        var isStopped = false
    }

    private static let mostEvents = 512
    /// The interval between checks of time limits while there are tunnels, and while there are handshakes.
    /// Milliseconds.
    private static let tunnelTick: CInt = 1000
    private static let handshakeTick: CInt = 100

    private let poll: CInt
    private let wakeUp: CInt
    private let commands = Mutex(Commands())
    private let openTunnels = Atomic(0)

    private var tunnels: [Tunnel<SocketLeg>] = []
    private var places: [ObjectIdentifier: Int] = [:]
    /// Legs with more to read than one turn takes, or that may read again.
    private var readers: [SocketLeg] = []
    /// Tunnels, handshakes and sockets that have ended, kept until the events that were read together with theirs have
    /// been handled.
    private var ended: [AnyObject] = []
    private var handshakes: [ObjectIdentifier: TunnelOpener] = [:]
    private var listeners: [PolledListener] = []
    /// The buffer that every read fills.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: SocketLeg.mostToRead, alignment: 64)

    /// Starts the thread.
    init(name: String) throws {
        self.poll = epoll_create1(CInt(EPOLL_CLOEXEC))
        self.wakeUp = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard self.poll >= 0, self.wakeUp >= 0 else {
            let reason = "epoll is not available (error \(errno))"
            self.release()
            throw ProxyError(.system, reason: reason)
        }
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.ptr = nil
        epoll_ctl(self.poll, EPOLL_CTL_ADD, self.wakeUp, &event)
        do {
            try DetachedThread.start(name: name) { self.run() }
        } catch {
            self.release()
            throw error
        }
    }

    private func release() {
        if self.poll >= 0 { _ = systemClose(self.poll) }
        if self.wakeUp >= 0 { _ = systemClose(self.wakeUp) }
        self.buffer.deallocate()
    }

    // MARK: From any thread

    /// Tunnels that are open or about to be.
    var count: Int { self.openTunnels.load(ordering: .relaxed) }

    func add(_ pair: Pair) {
        self.openTunnels.add(1, ordering: .relaxed)
        if self.tell({ $0.added.append(pair) }) { return }
        _ = systemClose(pair.client)
        _ = systemClose(pair.upstream)
        self.openTunnels.subtract(1, ordering: .relaxed)
        var summary = TunnelSummary()
        summary.end = .drained
        pair.terms.onEnd(summary)
    }

    /// Closes `count` tunnels with 1001.
    func drain(_ count: Int) { self.tell { $0.toDrain = min($0.toDrain + count, .max / 2) } }

    /// Ends the thread, and every tunnel at once.
    func stop() {
        self.tell { commands in
            commands.stops = true
            commands.isStopped = true
        }
    }

    /// - Returns: `false` when the thread has been stopped.
    @discardableResult
    private func tell(_ change: (inout Commands) -> Void) -> Bool {
        self.commands.withLock { commands in
            guard !commands.isStopped else { return false }
            change(&commands)
            // Within the lock: once the thread has stopped, the descriptor may belong to another file.
            var one: UInt64 = 1
            _ = write(self.wakeUp, &one, 8)
            return true
        }
    }

    /// Does something on the thread.
    ///
    /// - Returns: `false` when the thread has been stopped; then nothing is done.
    @discardableResult
    func run(_ body: @escaping @Sendable (TunnelReactor) -> Void) -> Bool { self.tell { $0.others.append(body) } }

    // MARK: On the thread

    private func run() {
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.mostEvents)
        defer { events.deallocate() }
        var lastTick = Self.now()
        var lastHandshakeTick = lastTick
        while true {
            let count = Int(martlet_wait(self.poll, events, CInt(Self.mostEvents), self.timeout))
            let now = Self.now()
            var hasCommands = false
            for index in 0..<max(count, 0) {
                let event = events[index]
                guard let pointer = event.data.ptr else {
                    hasCommands = true
                    continue
                }
                Unmanaged<PolledSocket>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.ready(event.events, now) }
            }
            if !self.readers.isEmpty {
                let readers = self.readers
                self.readers = []
                for leg in readers { self.receive(leg, now) }
            }
            if hasCommands, !self.obey(now) { return }
            if now - lastTick >= Int64(Self.tunnelTick) * 1_000_000 {
                lastTick = now
                self.tick(now)
            }
            if now - lastHandshakeTick >= Int64(Self.handshakeTick) * 1_000_000 {
                lastHandshakeTick = now
                self.tickHandshakes(now)
            }
            if !self.ended.isEmpty { self.ended = [] }
        }
    }

    private var timeout: CInt {
        if !self.readers.isEmpty { return 0 }
        if !self.handshakes.isEmpty || self.listeners.contains(where: \.isPaused) { return Self.handshakeTick }
        return self.tunnels.isEmpty ? -1 : Self.tunnelTick
    }

    /// The system's cheap monotonic clock, of a few milliseconds' resolution. Nanoseconds.
    static func now() -> Int64 { martlet_coarse_time() }

    @inline(__always)
    func serve(_ leg: SocketLeg, _ events: UInt32, _ now: Int64) {
        guard !leg.isClosed else { return }
        if leg.isBackedUp, events & (EPOLLOUT.rawValue | EPOLLERR.rawValue) != 0 { leg.writable() }
        guard events & PolledSocket.readEvents != 0 else { return }
        leg.isReadable = true
        if events & PolledSocket.hangUpEvents != 0 {
            leg.hasHungUp = true
            // A reset does not wait for backpressure: it is passed on at once.
            if events & EPOLLERR.rawValue != 0, !leg.isClosed {
                leg.isBroken = true
                leg.tunnel?.failed(leg.side)
                return
            }
        }
        self.receive(leg, now)
    }

    /// Reads once from a leg; the other legs get their turn before its next read.
    @inline(__always)
    private func receive(_ leg: SocketLeg, _ now: Int64) {
        guard leg.isReadable, leg.isReading, !leg.isClosed else { return }
        let limit = leg.readLimit
        let count = martlet_receive(leg.descriptor, self.buffer.baseAddress, limit)
        if count > 0 {
            // Less than there was room for is all there was, unless the end stands behind it.
            leg.isReadable = count == limit || leg.hasHungUp
            if count == limit { leg.filledRead() }
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            leg.unretainedTunnel?._withUnsafeGuaranteedRef { $0.received(bytes, from: leg.side, now: now) }
            if leg.isReadable, leg.isReading { self.readers.append(leg) }
        } else if count == 0 {
            leg.isReadable = false
            leg.tunnel?.inputEnded(leg.side)
        } else if errno == EAGAIN || errno == EINTR {
            leg.isReadable = errno == EINTR
            if leg.isReadable { self.readers.append(leg) }
        } else {
            leg.tunnel?.failed(leg.side)
        }
    }

    func forget(_ descriptor: CInt) { epoll_ctl(self.poll, EPOLL_CTL_DEL, descriptor, nil) }

    /// Reads from a leg that may read again, behind everything that is at hand.
    func readSoon(_ leg: SocketLeg) { self.readers.append(leg) }

    /// - Returns: `false` when the thread is to end.
    private func obey(_ now: Int64) -> Bool {
        var counter: UInt64 = 0
        _ = read(self.wakeUp, &counter, 8)
        let commands = self.commands.withLock { commands in
            defer {
                commands.added = []
                commands.toDrain = 0
                commands.others = []
            }
            return commands
        }
        for pair in commands.added { self.open(pair, now) }
        for body in commands.others { body(self) }
        if commands.stops {
            for listener in self.listeners { listener.stop() }
            self.listeners = []
            for handshake in self.handshakes.values { handshake.stop() }
            for tunnel in self.tunnels.reversed() { tunnel.stop() }
            self.ended = []
            self.readers = []
            self.release()
            return false
        }
        if commands.toDrain > 0 { self.drain(commands.toDrain, now) }
        return true
    }

    // MARK: Handshakes

    func listen(_ listener: PolledListener) { self.listeners.append(listener) }
    func unlisten(_ listener: PolledListener) { self.listeners.removeAll { $0 === listener } }

    func opened(_ handshake: TunnelOpener) { self.handshakes[ObjectIdentifier(handshake)] = handshake }

    /// Keeps it until the events that were read together with its last have been dealt with.
    func closed(_ handshake: TunnelOpener) {
        self.handshakes[ObjectIdentifier(handshake)] = nil
        self.ended.append(handshake)
    }

    /// A handshake has succeeded. Both legs are polled already.
    func open(_ client: SocketLeg, _ upstream: SocketLeg, _ terms: TunnelTerms, _ now: Int64) {
        self.openTunnels.add(1, ordering: .relaxed)
        self.join(client, upstream, terms, now)
        for leg in [client, upstream] where leg.isReadable { self.readSoon(leg) }
    }

    /// Registers a socket.
    ///
    /// - Parameter isKnown: whether it is registered already, for other events.
    func poll(_ socket: PolledSocket, events: UInt32, isKnown: Bool = false) -> Bool {
        socket.register(with: self.poll, events: events, isKnown: isKnown)
    }

    /// Ends a connection that was polled.
    func close(_ socket: PolledSocket) {
        self.forget(socket.descriptor)
        _ = systemClose(socket.descriptor)
        self.ended.append(socket)
    }

    /// Ends the connections whose request has not come.
    func drainArrivals() {
        for handshake in self.handshakes.values { handshake.drain() }
    }

    // MARK: Tunnels

    private func open(_ pair: Pair, _ now: Int64) {
        let client = SocketLeg(side: .client, descriptor: pair.client, reactor: self)
        let upstream = SocketLeg(side: .upstream, descriptor: pair.upstream, reactor: self)
        let isPolled =
            self.poll(client, events: PolledSocket.inputEvents) && self.poll(upstream, events: PolledSocket.inputEvents)
        let tunnel = self.join(client, upstream, pair.terms, now)
        if !isPolled { tunnel.failed(.upstream) }
    }

    @discardableResult
    private func join(
        _ client: SocketLeg, _ upstream: SocketLeg, _ terms: TunnelTerms, _ now: Int64
    ) -> Tunnel<SocketLeg> {
        var identifier: ObjectIdentifier?
        let onEnd = terms.onEnd  // and not what came behind the handshake
        let tunnel = Tunnel(
            client: client, upstream: upstream, policy: terms.policy, isCompressed: terms.isCompressed, now: now
        ) { summary in
            if let identifier { self.remove(identifier) }
            self.openTunnels.subtract(1, ordering: .relaxed)
            onEnd(summary)
        }
        identifier = ObjectIdentifier(tunnel)
        client.tunnel = tunnel
        upstream.tunnel = tunnel
        self.places[ObjectIdentifier(tunnel)] = self.tunnels.count
        self.tunnels.append(tunnel)
        if !terms.toClient.isEmpty { terms.toClient.withUnsafeBytes { client.send($0) } }
        if !terms.fromUpstream.isEmpty {
            terms.fromUpstream.withUnsafeBytes { tunnel.received($0, from: .upstream, now: now) }
        }
        return tunnel
    }

    private func remove(_ identifier: ObjectIdentifier) {
        guard let place = self.places.removeValue(forKey: identifier) else { return }
        let tunnel = self.tunnels[place]
        let last = self.tunnels.removeLast()
        if last !== tunnel {
            self.tunnels[place] = last
            self.places[ObjectIdentifier(last)] = place
        }
        self.ended.append(tunnel)
    }

    private func drain(_ count: Int, _ now: Int64) {
        var left = count
        for tunnel in self.tunnels where left > 0 && !tunnel.isClosing {
            tunnel.drain(now: now)
            left -= 1
        }
    }

    private func tick(_ now: Int64) {
        for tunnel in self.tunnels { tunnel.tick(now: now) }
    }

    private func tickHandshakes(_ now: Int64) {
        for handshake in self.handshakes.values { handshake.tick(now) }
        for listener in self.listeners where listener.isPaused { listener.resume() }
    }
}
