import DequeModule
import NIOCore

/// Whole messages, as encoded frames, that wait for a peer that does not read fast enough.
///
/// One contiguous buffer, ready to be written, and the length of each message in it: taking it costs nothing, and the
/// oldest message is dropped by moving the start.
struct OutboundQueue {
    /// What became of an offered message.
    enum Offer: Equatable {
        case accepted
        case refused
        /// The policy asks for the connection to be closed.
        case overflow
    }

    let limit: Int
    let policy: OverflowPolicy
    private(set) var bytes = ByteBuffer()
    private var lengths: Deque<Int> = []
    /// Messages that a policy dropped.
    private(set) var droppedCount = 0

    init(limit: Int, policy: OverflowPolicy) {
        self.limit = limit
        self.policy = policy
    }

    var isEmpty: Bool { self.lengths.isEmpty }
    var count: Int { self.lengths.count }

    /// Asks for room for a message; ``append(_:)`` must follow when it is granted.
    ///
    /// - Parameters:
    ///   - length: of the encoded message.
    ///   - inFlight: bytes that wait already, but can no longer be dropped.
    mutating func offer(length: Int, inFlight: Int) -> Offer {
        // What is on its way cannot make room: then nothing is dropped in vain.
        if self.policy == .dropOldest, inFlight > 0, inFlight + length > self.limit {
            self.droppedCount += 1
            return .refused
        }
        while inFlight + self.bytes.readableBytes > 0, inFlight + self.bytes.readableBytes + length > self.limit {
            switch self.policy {
            case .suspend:
                return .refused
            case .dropNewest:
                self.droppedCount += 1
                return .refused
            case .close:
                self.droppedCount += 1
                return .overflow
            case .dropOldest:
                guard let oldest = self.lengths.popFirst() else { return .accepted }
                self.bytes.moveReaderIndex(forwardBy: oldest)
                self.droppedCount += 1
                // A buffer that is never empty never forgets what was dropped by itself.
                if self.bytes.readerIndex > self.bytes.readableBytes { self.bytes.discardReadBytes() }
            }
        }
        return .accepted
    }

    /// Adds a message that was granted room.
    mutating func append(length: Int, _ encode: (inout ByteBuffer) -> Void) {
        let before = self.bytes.readableBytes
        if before == 0 { self.bytes.clear(minimumCapacity: length) }
        encode(&self.bytes)
        assert(self.bytes.readableBytes - before == length)
        self.lengths.append(length)
    }

    /// Empties the queue into `buffer`.
    mutating func drain(into buffer: inout ByteBuffer) {
        if buffer.readableBytes == 0 {
            swap(&buffer, &self.bytes)
            self.bytes = ByteBuffer()
        } else {
            buffer.writeBuffer(&self.bytes)
            self.bytes = ByteBuffer()
        }
        self.lengths.removeAll()
    }
}
