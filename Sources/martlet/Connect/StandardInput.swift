import Dispatch
import Foundation

/// Standard input, line by line, read no further ahead than a few lines: a slow server slows its reading down.
struct StandardInput {
    let lines: AsyncStream<String>
    private let room = DispatchSemaphore(value: 64)

    /// Reading blocks, so it has a thread of its own; the thread ends with the input or the process.
    init() {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let room = self.room
        Thread.detachNewThread {
            while let line = readLine() {
                room.wait()
                continuation.yield(line)
            }
            continuation.finish()
        }
    }

    /// A line has been dealt with.
    func consumed() { self.room.signal() }
}
