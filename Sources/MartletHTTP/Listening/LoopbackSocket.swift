package import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Connections whose two ends are on the same machine.
package enum LoopbackSocket {
    package static func isLoopback(_ address: SocketAddress) -> Bool {
        address.ipAddress.map { address in IPNetwork.loopback.contains { $0.contains(address) } } ?? false
    }

    /// Sets the simplest congestion control (RFC 5681), which is enough as there is nothing to congest on the way. The
    /// system's default may measure bandwidth and pace packets, at several percent of the cost of a small message.
    package static func simplify(_ descriptor: CInt) {
        let name = "reno"
        _ = setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_CONGESTION, name, socklen_t(name.utf8.count))
    }

    /// Does the same for a channel if its peer is on this machine.
    package static func simplifyIfLoopback(_ channel: any Channel) {
        guard let address = channel.remoteAddress, Self.isLoopback(address) else { return }
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            Self.simplify($0)
        }
    }
}
