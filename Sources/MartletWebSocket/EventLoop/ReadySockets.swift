import CMartletSystem
package import NIOCore

/// The connections of one event loop that take whole frames right now, past everything else: their descriptors, side by side.
///
/// A publication for thousands of connections is bound by the memory that it touches in each; here that is four bytes.
///
/// A connection has one place for all its life (``WebSocket/takeReadyPlace()``). Its descriptor stands there only while the
/// connection is open, holds no bytes back, sends no message part by part, compresses nothing and is plain TCP. Whatever
/// ends that clears the place at once. A WebSocket fills it again with a batch that it has sent in one piece, a ``StreamOutput`` when
/// nothing waits any more.
package final class ReadySockets {
    package typealias Place = Int32

    private static let nothing: CInt = -1

    private var descriptors: [CInt] = []
    private var free: [Place] = []
    /// Nobody gets the place of a connection that ended while a batch is on its way: it was meant for that connection.
    private var batchesUnderWay = 0
    /// The shortest outbound queue of those that have or had a place. Bytes.
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

    /// Whether bytes fit into the queue of whoever has a place, so that they may be sent in one piece. A single message always may.
    package func mayTake(_ bytes: ByteBuffer, _ count: Int) -> Bool {
        count == 1 || bytes.readableBytes <= self.shortestQueue
    }

    package func isReady(_ place: Place) -> Bool { self.descriptors[Int(place)] >= 0 }

    /// Sends the same bytes to many connections.
    ///
    /// - Parameters:
    ///   - messages: of a WebSocket, that they are; 0 where they are something else.
    ///   - body: is given the bytes, and answers to how many connections it has sent all of them.
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

    /// - Returns: how many bytes the kernel took; `nil` when the connection must be asked.
    @inline(__always)
    package func send(_ frames: UnsafeRawBufferPointer, to place: Place) -> Int? {
        let descriptor = self.descriptors[Int(place)]
        guard descriptor >= 0 else { return nil }
        return max(martlet_send(descriptor, frames.baseAddress, frames.count), 0)
    }
}
