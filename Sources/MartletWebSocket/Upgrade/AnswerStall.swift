import CMartletSystem
import NIOCore

/// The knowledge about answers that a client does not take: how much was left when it last took something. It is kept
/// while the channel is not writable, and begins anew after that.
struct AnswerStall {
    private var unsent: Int
    private var since: NIODeadline
    var timer: Scheduled<Void>?

    /// - Parameter unsent: bytes that the client has not taken.
    init(_ unsent: Int, at now: NIODeadline) {
        self.unsent = unsent
        self.since = now
    }

    /// Whether the client has taken nothing for too long.
    ///
    /// - Parameter unsent: bytes that the client has not taken by now; more were perhaps added.
    mutating func isOver(_ unsent: Int, at now: NIODeadline, timeout: TimeAmount) -> Bool {
        guard unsent >= self.unsent else {
            self.unsent = unsent
            self.since = now
            return false
        }
        self.unsent = unsent
        return now - self.since >= timeout
    }

    /// The bytes that wait in NIO and in the kernel.
    static func unsent(on channel: any Channel) -> Int {
        let buffered = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
        return (buffered ?? 0) + (DirectSocket(channel).map { Int(martlet_unsent($0.descriptor)) } ?? 0)
    }
}
