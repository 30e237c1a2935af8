import NIOCore
import NIOPosix

/// Accepts connections and says nothing.
final class SilentServer: Sendable {
    private let channel: any Channel
    private let opened: AsyncStream<any Channel>

    var port: Int { self.channel.localAddress!.port! }

    private init(_ channel: any Channel, _ opened: AsyncStream<any Channel>) {
        self.channel = channel
        self.opened = opened
    }

    static func start() async throws -> SilentServer {
        let (stream, continuation) = AsyncStream.makeStream(of: (any Channel).self)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                continuation.yield(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return SilentServer(channel, stream)
    }

    /// Waits for three connections in all, the last of which is open still.
    func nextConnection() async {
        var iterator = self.opened.makeAsyncIterator()
        for _ in 0..<3 { self.last.set(await iterator.next()) }
    }

    private let last = Shared<(any Channel)?>(nil)

    /// Waits until the connection of ``nextConnection()`` has ended.
    func allClosed() async { try? await self.last.value?.closeFuture.get() }

    func stop() async throws { try await self.channel.close() }
}
