import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemClose = close(_:)

/// A listening socket: NIO's, or one whose connections the reactors accept.
final class BoundListener: Sendable {
    /// Connections that may wait to be accepted.
    static let backlog: CInt = 4096

    let listener: ProxyListener
    private let channel: any Channel
    private let direct: [(listener: DirectListener, reactor: TunnelReactor)]

    init(_ listener: ProxyListener, _ channel: any Channel) {
        self.listener = listener
        self.channel = channel
        self.direct = []
    }

    /// - Parameter channel: one that does not accept by itself.
    init(
        _ listener: ProxyListener, _ channel: any Channel, _ reactors: [TunnelReactor], _ context: DirectContext
    ) async throws {
        self.listener = listener
        self.channel = channel
        // Each reactor has a descriptor of its own, since it may let go of it only when it polls it no longer.
        let descriptors = try await Self.copies(of: channel, count: reactors.count) {
            TunnelSocketOptions.prepare(listening: $0, at: channel.localAddress)
        }
        self.direct = zip(descriptors, reactors).map { descriptor, reactor in
            (DirectListener(descriptor: descriptor, context: context, reactor: reactor), reactor)
        }
        for (listener, reactor) in self.direct {
            let isAsked = reactor.run { reactor in
                reactor.listen(listener)
                listener.start()
            }
            if !isAsked { listener.stop() }
        }
    }

    var localAddress: SocketAddress? { self.channel.localAddress }

    /// Returns a descriptor of the same socket, with all connections that wait in it, for a listener that takes over.
    func socketForSuccessor() async throws -> CInt {
        let copies = try await Self.copies(of: self.channel, count: 1) { _ in }
        guard let copy = copies.first else { throw ChannelError.ioOnClosedChannel }
        return copy
    }

    /// Sets our backlog on a socket to which NIO has given its own when taking it over; `listen(2)` may be called
    /// again.
    static func withBacklog(_ channel: any Channel) async throws -> any Channel {
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
                _ = listen(socket, Self.backlog)
            }
        }.get()
        return channel
    }

    private static func copies(
        of channel: any Channel, count: Int, prepare: @escaping @Sendable (NIOBSDSocket.Handle) -> Void
    ) async throws -> [CInt] {
        try await channel.eventLoop.submit { () -> [CInt] in
            var copies: [CInt] = []
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
                prepare(socket)
                for _ in 0..<count {
                    let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
                    if copy < 0 {
                        let error = IOError(errnoCode: errno, reason: "dup")
                        for copy in copies { _ = systemClose(copy) }
                        throw error
                    }
                    copies.append(copy)
                }
            }
            return copies
        }.get()
    }

    /// Stops listening. Once it returns, the address is free.
    func close() async {
        for (listener, reactor) in self.direct {
            await withCheckedContinuation { continuation in
                let isAsked = reactor.run { reactor in
                    reactor.unlisten(listener)
                    listener.stop()
                    continuation.resume()
                }
                if !isAsked { continuation.resume() }
            }
        }
        try? await self.channel.close()
    }
}
