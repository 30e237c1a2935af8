import NIOCore
import NIOEmbedded
import Testing

@testable import MartletWebSocket

@Suite("Receive buffer")
struct ReceiveBufferTests {
    /// This test checks what the allocator relies on: if NIO changes it, connections hold 256 KiB each, or copy every
    /// read.
    @Test("NIO's pool keeps only the first buffer and asks for the shared one at every later read")
    func poolBehaviour() {
        let loop = LoopContext(eventLoop: EmbeddedEventLoop())
        let allocator = ByteBufferAllocator()
        var pool = NIOPooledRecvBufferAllocator(
            capacity: 1, recvAllocator: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536))
        _ = pool.buffer(allocator: allocator) { $0.writeInteger(1 as UInt8) }
        pool.record(actualReadBytes: 1)
        pool.recvAllocator = SharedReceiveAllocator(loop: loop)

        // The first read after the change still uses the small buffer of the handshake.
        let (first, _) = pool.buffer(allocator: allocator) { $0.writeInteger(2 as UInt8) }
        pool.record(actualReadBytes: 1)
        #expect(first.storageCapacity < 4096)
        loop.giveBack(first)

        var identity: UInt?
        for read in 0..<10 {
            let (buffer, address) = pool.buffer(allocator: allocator) { buffer in
                buffer.writeInteger(UInt8(read))
                return buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            }
            pool.record(actualReadBytes: 1)
            #expect(buffer.storageCapacity == LoopContext.receiveBufferSize)
            #expect(buffer.readableBytes == 1)
            #expect(identity == nil || identity == address, "a read must reuse the one buffer of the loop")
            identity = address
            loop.giveBack(buffer)
        }
        #expect(pool.count == 1)
    }

    @Test("a handler that keeps a slice of a read keeps its bytes")
    func keptSlice() {
        let loop = LoopContext(eventLoop: EmbeddedEventLoop())
        var first = loop.borrowReceiveBuffer(from: ByteBufferAllocator())
        first.writeString("kept")
        let slice = first.getSlice(at: 0, length: 4)
        loop.giveBack(first)
        first = ByteBuffer()
        var second = loop.borrowReceiveBuffer(from: ByteBufferAllocator())
        second.writeString("new!")
        #expect(slice.map { String(buffer: $0) } == "kept")
    }
}
