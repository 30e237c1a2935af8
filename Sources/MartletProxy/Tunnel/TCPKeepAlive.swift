#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The kernel's own probes, which end a tunnel whose peer has vanished: after a minute of silence, four at 15 s.
enum TCPKeepAlive {
    static func enable(_ descriptor: CInt) {
        for (level, option, value) in [
            (SOL_SOCKET, SO_KEEPALIVE, 1), (CInt(IPPROTO_TCP), TCP_KEEPIDLE, 60),
            (CInt(IPPROTO_TCP), TCP_KEEPINTVL, 15),
            (CInt(IPPROTO_TCP), TCP_KEEPCNT, 4),
        ] as [(CInt, CInt, CInt)] {
            var value = value
            setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
        }
    }
}
