import NIOCore
import NIOPosix

/// A TCP connection without any protocol.
struct RawConnection {
    private let channel: any Channel

    static func open(_ address: SocketAddress) async throws -> RawConnection {
        RawConnection(
            channel: try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address).get())
    }

    /// Waits for the end.
    func closed() async { try? await self.channel.closeFuture.get() }

    func close() async throws { try await self.channel.close() }
}
