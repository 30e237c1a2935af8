import NIOCore

/// Makes every channel of an event loop read into one large buffer that the loop owns.
///
/// An idle connection then holds no receive buffer, and a large message is read in few system calls. It relies on how
/// NIO's `NIOPooledRecvBufferAllocator` treats an allocator that gives no size hint (`nextBufferSize` is `nil`) and
/// says that it may grow: it asks for a buffer each time and keeps none but the first. A test checks that.
///
/// `@unchecked Sendable`: NIO uses a channel's allocator on the channel's event loop only, where the context lives.
struct SharedReceiveAllocator: RecvByteBufferAllocator, @unchecked Sendable {
    let loop: LoopContext

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.loop.borrowReceiveBuffer(from: allocator)
    }

    func nextBufferSize() -> Int? { nil }

    mutating func record(actualReadBytes: Int) -> Bool { true }
}
