import CMartletSystem
import MartletWebSocket
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The options of a tunnel's sockets.
enum TunnelSocketOptions {
    /// Turns on the kernel's own probes, which end a tunnel whose peer has vanished: after a minute of silence, four at
    /// 15 s.
    static func enableKeepAlive(_ descriptor: CInt) {
        for (level, option, value) in [
            (SOL_SOCKET, SO_KEEPALIVE, 1), (CInt(IPPROTO_TCP), TCP_KEEPIDLE, 60),
            (CInt(IPPROTO_TCP), TCP_KEEPINTVL, 15),
            (CInt(IPPROTO_TCP), TCP_KEEPCNT, 4),
        ] as [(CInt, CInt, CInt)] {
            var value = value
            setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    /// Sets the options that accepted sockets inherit from a listening socket.
    static func prepare(listening descriptor: CInt, at address: SocketAddress?) {
        Self.disableDelay(descriptor)
        Self.watch(descriptor, isLoopback: address.map(LoopbackSocket.isLoopback) ?? false)
    }

    /// - Returns: a new socket for a connection to the address, or -1.
    static func open(_ address: SocketAddress, isLoopback: Bool) -> CInt {
        let descriptor = martlet_stream_socket(CInt(address.protocol.rawValue))
        guard descriptor >= 0 else { return -1 }
        Self.disableDelay(descriptor)
        Self.watch(descriptor, isLoopback: isLoopback)
        return descriptor
    }

    /// Turns on the kernel's probes, except on loopback: a peer on the same machine cannot vanish unseen.
    private static func watch(_ descriptor: CInt, isLoopback: Bool) {
        if isLoopback { LoopbackSocket.simplify(descriptor) } else { Self.enableKeepAlive(descriptor) }
    }

    private static func disableDelay(_ descriptor: CInt) {
        var one: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    }
}
