import CMartletSystem
import Logging
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Accepts connections for a ``TunnelReactor``. Every reactor has one, all for the same listening socket, of which the
/// kernel wakes one reactor a connection. Used on its reactor's thread alone.
///
/// `@unchecked Sendable`: it is made elsewhere, and only handed to the reactor.
final class DirectListener: PolledListener, @unchecked Sendable {
    private static let events = EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
    /// The lead in tunnels, on top of an eighth, beyond which new connections go to the reactor with the fewest
    /// tunnels.
    private static let slack = 16

    private let context: DirectContext
    private let reactor: TunnelReactor
    private var isStopped = false
    /// Whether there were no descriptors left; then nothing is accepted until the next tick.
    private var hasNoDescriptors = false

    /// - Parameter descriptor: a listening socket of its own, which it takes over.
    init(descriptor: CInt, context: DirectContext, reactor: TunnelReactor) {
        self.context = context
        self.reactor = reactor
        super.init(descriptor: descriptor)
    }

    override var isPaused: Bool { self.hasNoDescriptors }

    func start() { self.hasNoDescriptors = !self.reactor.poll(self, events: Self.events) }
    override func resume() { self.start() }

    override func stop() {
        guard !self.isStopped else { return }
        self.isStopped = true
        self.reactor.forget(self.descriptor)
        _ = close(self.descriptor)
    }

    /// Accepts one connection. If more are waiting, epoll reports them again along with other events, and other
    /// reactors can accept them.
    override func ready(_ events: UInt32, _ now: Int64) {
        guard !self.isStopped, !self.hasNoDescriptors else { return }
        self.accept(now)
    }

    private func accept(_ now: Int64) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let client = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                martlet_accept(self.descriptor, $0, &length)
            }
        }
        guard client >= 0 else {
            switch errno {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                self.context.core.logger.warning("no connection can be accepted", metadata: ["error": "\(errno)"])
                self.reactor.forget(self.descriptor)
                self.hasNoDescriptors = true
            default: break  // none, or a fault of that one connection
            }
            return
        }
        let address = Self.address(storage)
        guard !self.context.core.isDraining, let peer = address,
            self.context.core.connections.admit(atMost: self.context.connectionLimit)
        else {
            self.context.giveUp(
                AcceptedConnection(descriptor: client, peer: address, acceptedAt: now, isAdmitted: false))
            return
        }
        self.start(client, peer, on: self.lightestReactor, now)
    }

    private func start(_ client: CInt, _ peer: SocketAddress, on reactor: TunnelReactor, _ now: Int64) {
        let context = self.context
        guard reactor !== self.reactor else {
            DirectHandshake(client: client, peer: peer, context: context, reactor: reactor, now: now).start()
            return
        }
        let isTaken = reactor.run { reactor in
            DirectHandshake(client: client, peer: peer, context: context, reactor: reactor, now: now).start()
        }
        if !isTaken {
            _ = close(client)
            context.core.connections.ended()
        }
    }

    /// The reactor for a new connection: this one, or the one with the fewest tunnels if this one has clearly more.
    /// Tunnels live long, and the kernel wakes any waiting thread: otherwise one thread could end up with all of them.
    private var lightestReactor: TunnelReactor {
        let reactors = self.context.core.reactors
        guard reactors.count > 1, let lightest = reactors.min(by: { $0.count < $1.count }) else { return self.reactor }
        return self.reactor.count > lightest.count + lightest.count / 8 + Self.slack ? lightest : self.reactor
    }

    private static func address(_ storage: sockaddr_storage) -> SocketAddress? {
        withUnsafeBytes(of: storage) { bytes in
            switch CInt(storage.ss_family) {
            case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
            case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
            default: nil
            }
        }
    }
}
