#if canImport(Glibc)
import CMartletSystem
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemClose = close(_:)

/// One socket of a tunnel, polled by a ``TunnelReactor``. Used on the reactor's thread alone.
final class SocketLeg: PolledSocket, TunnelLeg {
    /// The most bytes of one read. A leg whose bytes cannot be passed on at once falls back to ``leastToRead``, which
    /// bounds what is kept for one slow receiver.
    static let mostToRead = 256 * 1024
    static let leastToRead = 16 * 1024

    let side: TunnelSide
    private let reactor: TunnelReactor
    /// The tunnel, set once, before the first event. `unowned(unsafe)`, since the tunnel owns its legs, and the reactor
    /// keeps a tunnel until the events that were read together with its end have been dealt with.
    unowned(unsafe) var tunnel: Tunnel<SocketLeg>? {
        didSet { self.unretainedTunnel = self.tunnel.map(Unmanaged.passUnretained) }
    }
    /// The same tunnel, for calls without reference counting.
    private(set) var unretainedTunnel: Unmanaged<Tunnel<SocketLeg>>?
    /// The opener of the tunnel, which owns this leg until the tunnel is open; `nil` from then on.
    unowned(unsafe) var handshake: TunnelOpener?
    /// Whether there may be bytes to read: epoll reports it once (edge-triggered), and not again until all are read.
    var isReadable = false
    /// Whether the peer has ended its half, or the connection broke: only a read tells which.
    var hasHungUp = false
    /// Whether the peer has reset the connection.
    var isBroken = false
    private(set) var isReading = true
    private(set) var readLimit = SocketLeg.mostToRead
    private(set) var isClosed = false
    private var waiting: [UInt8] = []
    private var sentOfWaiting = 0
    private var endsOutput = false
    /// Whether epoll reports when the socket takes bytes again: from the first time on that it did not take all.
    private var isOutputPolled = false

    /// Takes the descriptor over.
    init(side: TunnelSide, descriptor: CInt, reactor: TunnelReactor) {
        self.side = side
        self.reactor = reactor
        super.init(descriptor: descriptor)
    }

    override func ready(_ events: UInt32, _ now: Int64) {
        if let handshake = self.handshake { return handshake.ready(self, events, now) }
        self.reactor.serve(self, events, now)
    }

    var isBackedUp: Bool { !self.waiting.isEmpty }
    var hasUnsentBytes: Bool { !self.waiting.isEmpty }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard !self.isClosed, !self.endsOutput else { return }
        var sent = 0
        if self.waiting.isEmpty {
            sent = max(martlet_send(self.descriptor, bytes.baseAddress, bytes.count), 0)
            if sent == bytes.count { return }
        }
        self.waiting.append(contentsOf: bytes[sent...])
        guard !self.isOutputPolled else { return }
        self.isOutputPolled = true
        _ = self.reactor.poll(self, events: Self.allEvents, isKnown: true)  // which takes no memory
    }

    /// The socket takes bytes again.
    func writable() {
        guard !self.waiting.isEmpty else { return }
        let sent = self.waiting.withUnsafeBytes {
            martlet_send(self.descriptor, $0.baseAddress! + self.sentOfWaiting, $0.count - self.sentOfWaiting)
        }
        guard sent >= 0 else {
            if errno != EAGAIN && errno != EINTR { self.tunnel?.failed(self.side) }
            return
        }
        self.sentOfWaiting += sent
        // If a part was taken, the buffer is full: epoll reports when it is not.
        guard self.sentOfWaiting == self.waiting.count else { return }
        self.waiting = []
        self.sentOfWaiting = 0
        if self.endsOutput { shutdown(self.descriptor, CInt(SHUT_WR)) }
        self.tunnel?.writable(self.side)
    }

    func setReading(_ isReading: Bool) {
        guard self.isReading != isReading, !self.isClosed else { return }
        self.isReading = isReading
        if !isReading {
            self.readLimit = Self.leastToRead
        } else if self.isReadable {
            self.reactor.readSoon(self)
        }
    }

    /// Raises the read limit after a read that used it up, since there is more to come.
    func filledRead() { self.readLimit = min(self.readLimit * 2, Self.mostToRead) }

    func endOutput() {
        guard !self.endsOutput, !self.isClosed else { return }
        self.endsOutput = true
        if self.waiting.isEmpty { shutdown(self.descriptor, CInt(SHUT_WR)) }
    }

    func abort() {
        guard !self.isClosed else { return }
        if !self.isBroken {
            // With no time to linger, the kernel sends a reset.
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
        self.close()
    }

    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.waiting = []
        // A child of this process may hold a copy of the descriptor for a moment, and epoll with it.
        self.reactor.forget(self.descriptor)
        _ = systemClose(self.descriptor)
    }
}
