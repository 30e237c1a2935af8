import NIOCore

/// The knowledge about the answer on a stream of HTTP/2: how many writes the client's windows and the connection have
/// not let through, and since when.
struct StreamAnswer {
    /// The most bytes in one write, so that a slow client can be told from one that takes nothing.
    static let pieceSize = 16 * 1024

    private var unsent = 0
    private var lastProgress = NIODeadline.uptimeNanoseconds(0)
    private(set) var hasEnded = false

    var hasUnsent: Bool { self.unsent > 0 }

    /// Notes a write.
    ///
    /// - Parameter isLast: whether the answer ends with it.
    mutating func wrote(isLast: Bool, at now: NIODeadline) {
        if self.unsent == 0 { self.lastProgress = now }
        self.unsent += 1
        if isLast { self.hasEnded = true }
    }

    /// Notes that a write was sent.
    ///
    /// - Returns: whether the answer is complete with it.
    mutating func sent(at now: NIODeadline) -> Bool {
        self.unsent -= 1
        self.lastProgress = now
        return self.unsent == 0 && self.hasEnded
    }

    /// Whether nothing was sent for too long.
    func isStalled(at now: NIODeadline, timeout: TimeAmount) -> Bool {
        self.unsent > 0 && now - self.lastProgress >= timeout
    }
}
