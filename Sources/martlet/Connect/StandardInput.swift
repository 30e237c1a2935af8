import Foundation

/// Standard input, line by line.
enum StandardInput {
    /// Reading blocks, so it has a thread of its own; the thread ends with the input or the process.
    static func lines() -> AsyncStream<String> {
        AsyncStream { continuation in
            Thread.detachNewThread {
                while let line = readLine() { continuation.yield(line) }
                continuation.finish()
            }
        }
    }
}
