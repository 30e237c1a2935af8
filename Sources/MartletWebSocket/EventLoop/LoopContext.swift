import MartletProtocol
public import NIOCore
import NIOPosix

/// What all connections of one event loop share: scratch memory that each uses only while it is being served.
///
/// Not `Sendable`: it is used on its event loop alone.
public final class LoopContext {
    /// One read takes at most this much. A connection that is not being read costs none of it.
    static let receiveBufferSize = 256 * 1024
    /// An output buffer that a large message made longer than this is given back to the allocator.
    static let keptOutputCapacity = 256 * 1024

    /// `nonisolated(unsafe)`: each thread sees its own value only, and an event loop is one thread.
    private nonisolated(unsafe) static let perThread = ThreadSpecificVariable<LoopContext>()

    /// Frames are encoded here and sent from here. Users append behind what is there and take their part off again,
    /// so that a handler that writes to another connection in the middle of its own output does no harm.
    var output: ByteBuffer
    /// Whether a connection is in its read cycle and gathers its output in ``output``.
    var isCorkTaken = false
    var maskingKeys = MaskingKeyPool()
    var date = AnswerDate()
    let compression = CompressionContexts()
    let metrics: LoopMetrics
    let ready: ReadySockets
    /// Runs a connection's tasks on its own event loop: no thread hop a message.
    let executor: EventLoopTaskExecutor

    /// The receive buffer, when no channel has borrowed it.
    private var receiveBuffer: ByteBuffer?

    /// A context of its own, for a channel that is not run by one thread, such as an embedded one in a test.
    public init(eventLoop: any EventLoop) {
        self.output = ByteBufferAllocator().buffer(capacity: 16 * 1024)
        self.executor = EventLoopTaskExecutor(eventLoop)
        let metrics = LoopMetrics(eventLoop: eventLoop)
        self.metrics = metrics
        self.ready = ReadySockets(metrics: metrics)
    }

    /// The context of the event loop that the caller runs on.
    static func current(_ eventLoop: any EventLoop) -> LoopContext {
        eventLoop.preconditionInEventLoop()
        if let context = Self.perThread.currentValue, context.executor.eventLoop === eventLoop { return context }
        let context = LoopContext(eventLoop: eventLoop)
        Self.perThread.currentValue = context
        return context
    }

    /// The connections that take frames right now; `nil` while one of them gathers its output, which nothing may overtake.
    package var readySockets: ReadySockets? { self.isCorkTaken ? nil : self.ready }

    /// Lends the receive buffer, or a new one while it is lent out already.
    func borrowReceiveBuffer(from allocator: ByteBufferAllocator) -> ByteBuffer {
        guard var buffer = self.receiveBuffer else { return allocator.buffer(capacity: Self.receiveBufferSize) }
        self.receiveBuffer = nil
        buffer.clear()  // takes new memory when somebody still holds a slice of the old
        return buffer
    }

    /// Takes back a buffer that was read into, if it is one of ours.
    func giveBack(_ buffer: ByteBuffer) {
        if buffer.storageCapacity >= Self.receiveBufferSize { self.receiveBuffer = buffer }
    }

    func shrinkOutputIfNeeded() {
        if self.output.readableBytes == 0, self.output.capacity > Self.keptOutputCapacity {
            self.output = ByteBufferAllocator().buffer(capacity: 16 * 1024)
        }
    }
}
