import DequeModule
import NIOCore

/// A queue of messages, frames or parts of messages for a peer that does not read fast enough.
///
/// It holds one contiguous buffer, ready to be written, and the length of each piece in it: taking it costs nothing,
/// and the oldest message is dropped by moving the start.
struct OutboundQueue<Label> {
    /// The result of offering a message.
    enum Offer: Equatable {
        case accepted
        case refused
        /// The message does not fit, and the policy is to close the connection.
        case overflow
    }

    struct Piece {
        let length: Int
        /// The part of the limit that the piece uses up, in bytes.
        let cost: Int
        let label: Label
        /// Whether it begins a message that is here completely, so that the policy may drop it.
        let isDroppable: Bool
        /// Whether it belongs to the message of the piece before it.
        let continues: Bool
    }

    let limit: Int
    var policy: OverflowPolicy
    private(set) var bytes = ByteBuffer()
    /// The sum of the costs of the pieces.
    private(set) var cost = 0
    private var pieces: Deque<Piece> = []
    /// The number of messages that a policy dropped.
    private(set) var droppedCount = 0

    init(limit: Int, policy: OverflowPolicy) {
        self.limit = limit
        self.policy = policy
    }

    var isEmpty: Bool { self.pieces.isEmpty }
    var count: Int { self.pieces.count }

    /// Asks for room for a message; ``append(_:length:isDroppable:continues:_:)`` must follow if it is granted.
    ///
    /// - Parameters:
    ///   - length: the length of the encoded message, or a little more.
    ///   - inFlight: the bytes that already wait but can no longer be dropped.
    ///   - policy: used in place of the queue's own, unless `nil`.
    mutating func offer(length: Int, inFlight: Int, policy: OverflowPolicy? = nil) -> Offer {
        let policy = policy ?? self.policy
        // Bytes in flight cannot make room: nothing is dropped in vain.
        if policy == .dropOldest, inFlight > 0, inFlight + length > self.limit {
            self.droppedCount += 1
            return .refused
        }
        while inFlight + self.cost > 0, inFlight + self.cost + length > self.limit {
            switch policy {
            case .suspend:
                return .refused
            case .dropNewest:
                self.droppedCount += 1
                return .refused
            case .close:
                self.droppedCount += 1
                return .overflow
            case .dropOldest:
                guard !self.isEmpty else { return .accepted }
                self.droppedCount += 1
                guard self.dropOldest() else { return .refused }
            }
        }
        return .accepted
    }

    /// - Returns: `false` if the oldest message must not be dropped, because part of it has been sent or is missing.
    private mutating func dropOldest() -> Bool {
        guard let oldest = self.pieces.first, oldest.isDroppable else { return false }
        repeat {
            let piece = self.pieces.removeFirst()
            self.cost -= piece.cost
            self.bytes.moveReaderIndex(forwardBy: piece.length)
        } while self.pieces.first?.continues ?? false
        // A buffer that is never empty keeps the dropped bytes until they are discarded here.
        if self.bytes.readerIndex > self.bytes.readableBytes { self.bytes.discardReadBytes() }
        return true
    }

    /// Adds a piece for which there is room.
    ///
    /// - Parameter cost: the part of the limit that it uses up; `nil` for its length.
    mutating func append(
        _ label: Label, length: Int, cost: Int? = nil, isDroppable: Bool, continues: Bool = false,
        _ encode: (inout ByteBuffer) -> Void
    ) {
        if self.bytes.readableBytes == 0 { self.bytes.clear(minimumCapacity: length) }
        let before = self.bytes.readableBytes
        encode(&self.bytes)
        let length = self.bytes.readableBytes - before
        let piece = Piece(
            length: length, cost: cost ?? length, label: label, isDroppable: isDroppable, continues: continues)
        self.cost += piece.cost
        self.pieces.append(piece)
    }

    /// Moves the whole queue into `buffer`.
    ///
    /// - Returns: the pieces, in the order of the buffer.
    mutating func takeAll(into buffer: inout ByteBuffer) -> Deque<Piece> {
        if buffer.readableBytes == 0 {
            swap(&buffer, &self.bytes)
            self.bytes = ByteBuffer()
        } else {
            buffer.writeBuffer(&self.bytes)
            self.bytes = ByteBuffer()
        }
        var pieces: Deque<Piece> = []
        swap(&pieces, &self.pieces)
        self.cost = 0
        return pieces
    }

    /// Moves whole pieces from the front into `buffer`: always the first, and more until `buffer` has `limit` bytes.
    mutating func take(upTo limit: Int, into buffer: inout ByteBuffer) {
        if buffer.readableBytes + self.bytes.readableBytes <= limit {
            _ = self.takeAll(into: &buffer)
            return
        }
        var isFirst = true
        while let piece = self.pieces.first, isFirst || buffer.readableBytes + piece.length <= limit {
            isFirst = false
            self.pieces.removeFirst()
            self.cost -= piece.cost
            self.bytes.readWithUnsafeReadableBytes { bytes in
                buffer.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<piece.length]))
                return piece.length
            }
        }
        // A buffer that is never empty keeps the taken bytes until they are discarded here.
        if self.bytes.readerIndex > self.bytes.readableBytes { self.bytes.discardReadBytes() }
    }
}
