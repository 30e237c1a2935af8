import MartletProtocol
public import NIOCore
import NIOPosix

/// The state that all connections of one event loop share: scratch memory that each uses only while it is being served.
///
/// Not `Sendable`: it is used only on its event loop.
public final class LoopContext {
    /// The most bytes that one read takes. A connection that is not being read uses none of it.
    static let receiveBufferSize = 256 * 1024
    /// The largest capacity in bytes of an output buffer that is kept; a larger one is freed.
    static let keptOutputCapacity = 256 * 1024

    /// `nonisolated(unsafe)`: each thread sees only its own value, and an event loop is one thread.
    private nonisolated(unsafe) static let perThread = ThreadSpecificVariable<LoopContext>()

    /// The buffer in which frames are encoded and from which they are sent. Users append to it and remove their part
    /// again, so that a handler may write to another connection in the middle of its own output.
    var output: ByteBuffer
    /// Whether a connection is in its read cycle and gathers its output in ``output``.
    var isCorkTaken = false
    var maskingKeys = MaskingKeyPool()
    var date = AnswerDate()
    let compression = CompressionContexts()
    let metrics: LoopMetrics
    let ready: ReadySockets
    let unfinished: UnfinishedMessages
    /// The executor that runs a connection's tasks on its own event loop: no change of thread for a message.
    let executor: EventLoopTaskExecutor

    /// The receive buffer; `nil` while a channel has borrowed it.
    private var receiveBuffer: ByteBuffer?

    /// Creates a context of its own, for a channel that does not run on one thread, such as an embedded one in a test.
    public init(eventLoop: any EventLoop) {
        self.output = ByteBufferAllocator().buffer(capacity: 16 * 1024)
        self.executor = EventLoopTaskExecutor(eventLoop)
        let metrics = LoopMetrics(eventLoop: eventLoop)
        self.metrics = metrics
        self.ready = ReadySockets(metrics: metrics)
        self.unfinished = UnfinishedMessages(eventLoop)
    }

    /// Returns the context of the event loop that the caller runs on.
    static func current(_ eventLoop: any EventLoop) -> LoopContext {
        eventLoop.preconditionInEventLoop()
        if let context = Self.perThread.currentValue, context.executor.eventLoop === eventLoop { return context }
        let context = LoopContext(eventLoop: eventLoop)
        Self.perThread.currentValue = context
        return context
    }

    /// The connections that can take frames right now; `nil` while one of them gathers its output, which nothing may
    /// overtake.
    package var readySockets: ReadySockets? { self.isCorkTaken ? nil : self.ready }

    /// Lends the receive buffer, or a new one if it is already lent.
    func borrowReceiveBuffer(from allocator: ByteBufferAllocator) -> ByteBuffer {
        guard var buffer = self.receiveBuffer else { return allocator.buffer(capacity: Self.receiveBufferSize) }
        self.receiveBuffer = nil
        buffer.clear()  // allocates new memory if a slice of the old is still in use
        return buffer
    }

    /// Takes back a buffer that was read into, if it is one of this loop's.
    func giveBack(_ buffer: ByteBuffer) {
        if buffer.storageCapacity >= Self.receiveBufferSize { self.receiveBuffer = buffer }
    }

    func shrinkOutputIfNeeded() {
        if self.output.readableBytes == 0, self.output.capacity > Self.keptOutputCapacity {
            self.output = ByteBufferAllocator().buffer(capacity: 16 * 1024)
        }
    }
}
