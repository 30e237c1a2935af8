import CMartletSystem
package import NIOCore

/// The connections of one event loop that can take whole frames right now, past everything else: an array of their
/// descriptors.
///
/// The cost of a publication for thousands of connections is the memory that it touches in each; here that is four
/// bytes.
///
/// A connection has one slot for its lifetime (``WebSocket/takeReadyPlace()``). Its descriptor is there only while the
/// connection is open, holds no bytes back, sends no message part by part, compresses nothing and is plain TCP.
/// Anything that ends this clears the slot at once. A WebSocket fills it again after a batch that it has sent in one
/// piece, a ``StreamOutput`` when nothing waits any more.
package final class ReadySockets {
    package typealias Place = Int32

    private static let nothing: CInt = -1

    private var descriptors: [CInt] = []
    private var free: [Place] = []
    /// The number of batches on their way. Meanwhile the slot of a connection that ended is not reused: the batch was
    /// meant for that connection.
    private var batchesUnderWay = 0
    /// The shortest outbound queue of the connections that have or had a slot, in bytes.
    private var shortestQueue = Int.max
    private let metrics: LoopMetrics

    init(metrics: LoopMetrics) { self.metrics = metrics }

    // MARK: For connections

    func take(queueLimit: Int) -> Place {
        self.shortestQueue = min(self.shortestQueue, queueLimit)
        if self.batchesUnderWay == 0, let place = self.free.popLast() { return place }
        self.descriptors.append(Self.nothing)
        return Place(self.descriptors.count - 1)
    }

    func giveBack(_ place: Place) {
        self.clear(place)
        self.free.append(place)
    }

    func fill(_ place: Place, _ descriptor: CInt) { self.descriptors[Int(place)] = descriptor }
    func clear(_ place: Place) { self.descriptors[Int(place)] = Self.nothing }

    // MARK: For batches

    /// Whether bytes fit into the queue of every connection with a slot, so that they may be sent in one piece. A
    /// single message always may.
    package func mayTake(_ bytes: ByteBuffer, _ count: Int) -> Bool {
        count == 1 || bytes.readableBytes <= self.shortestQueue
    }

    package func isReady(_ place: Place) -> Bool { self.descriptors[Int(place)] >= 0 }

    /// Sends the same bytes to many connections.
    ///
    /// - Parameters:
    ///   - messages: the number of WebSocket messages in the bytes; 0 if they are something else.
    ///   - body: receives the bytes, and returns to how many connections it has sent all of them.
    package func distribute(_ bytes: ByteBuffer, messages: Int, _ body: (UnsafeRawBufferPointer) -> Int) {
        self.batchesUnderWay += 1
        defer { self.batchesUnderWay -= 1 }
        bytes.withUnsafeReadableBytes { frames in
            let count = body(frames)
            guard count > 0, messages > 0 else { return }
            self.metrics.sent(messages: count &* messages, .server)
            self.metrics.sent(bytes: count &* frames.count, .server)
        }
    }

    /// - Returns: how many bytes the kernel took; `nil` if the connection must be asked.
    @inline(__always)
    package func send(_ frames: UnsafeRawBufferPointer, to place: Place) -> Int? {
        let descriptor = self.descriptors[Int(place)]
        guard descriptor >= 0 else { return nil }
        return max(martlet_send(descriptor, frames.baseAddress, frames.count), 0)
    }
}
