import CMartletSystem
import NIOCore
import NIOPosix

/// Sends on a channel's socket without going through its pipeline, which costs a tenth less CPU for each message.
///
/// It is for plain TCP only, on the channel's event loop, and only while NIO has nothing queued for the channel. The
/// caller must pass what the kernel does not take to NIO, which also meets any error again and closes the channel.
struct DirectSocket {
    let descriptor: NIOBSDSocket.Handle

    /// - Returns: `nil` for a channel that is not a socket.
    init?(_ channel: any Channel) {
        var descriptor: NIOBSDSocket.Handle = -1
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            descriptor = $0
        }
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    /// - Returns: how many bytes the kernel took; 0 when its buffer is full or the connection is broken.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        max(martlet_send(self.descriptor, bytes.baseAddress, bytes.count), 0)
    }
}
