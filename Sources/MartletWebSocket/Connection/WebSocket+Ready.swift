// A connection's place among those of its event loop that take frames right now.
import NIOCore

extension WebSocket {
    /// The connection's place among the ``ReadySockets`` of its loop; `nil` when it can never have one.
    package func takeReadyPlace() -> (loop: LoopContext, place: ReadySockets.Place)? {
        guard self.phase == .open, self.role == .server, self.compressor == nil, self.directSocket != nil else {
            return nil
        }
        let place = self.readyPlace ?? self.loop.ready.take(queueLimit: self.queue.limit)
        self.readyPlace = place
        return (self.loop, place)
    }

    /// Takes care of the rest of a batch that was begun to be sent from the connection's place.
    ///
    /// - Parameter sent: how many bytes of its frames the kernel took: less than all.
    package func finish(_ batch: PreparedBatch, behind sent: Int) {
        self.loop.metrics.sent(messages: batch.count, self.role)
        batch.frames.withUnsafeReadableBytes { self.transmit($0, behind: sent) }
    }

    /// A batch has gone out in one piece.
    func isReady() {
        guard let place = self.readyPlace, self.phase == .open, self.parts == nil, !self.hasBacklog,
            let socket = self.directSocket
        else { return }
        self.loop.ready.fill(place, socket.descriptor)
    }

    /// To be called when anything has changed that the place depends on.
    func isNotReady() {
        if let place = self.readyPlace { self.loop.ready.clear(place) }
    }

    func giveReadyPlaceBack() {
        guard let place = self.readyPlace else { return }
        self.readyPlace = nil
        self.loop.ready.giveBack(place)
    }
}
