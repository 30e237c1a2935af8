import Dispatch
package import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemWrite = write(_:_:_:)

/// Writes to standard error on a thread of its own: an event loop that logs never waits for a slow reader of the log.
///
/// While the log is not read, lines beyond a limit are counted and left out; their number is logged once lines are read
/// again.
package final class LogOutput: TextOutputStream, Sendable {
    /// Bytes that may wait to be written.
    package static let maximumBacklog = 1 << 20
    /// The queue that all outputs share, so that lines of different formats do not run into each other.
    private static let queue = DispatchQueue(label: "martlet.log")

    private struct State {
        var backlog: [UInt8] = []
        var isWriting = false
        var dropped = 0
    }

    private let state = Mutex(State())
    private let descriptor: CInt
    private let makeHandler: HandlerMaker

    /// Makes a handler with a label that writes whole lines to a stream.
    package typealias HandlerMaker = @Sendable (String, any TextOutputStream & Sendable) -> any LogHandler

    package init(_ descriptor: CInt = STDERR_FILENO, makeHandler: @escaping HandlerMaker) {
        self.descriptor = descriptor
        self.makeHandler = makeHandler
        Self.flushAtExit
    }

    package func handler(label: String) -> any LogHandler { self.makeHandler(label, self) }

    /// Writes a line, from any thread.
    package func write(_ line: String) {
        let starts = self.state.withLock { state in
            if state.backlog.count + line.utf8.count <= Self.maximumBacklog {
                state.backlog += line.utf8
            } else {
                state.dropped += 1
            }
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { Self.queue.async { self.work() } }
    }

    private func work() {
        while true {
            let (bytes, dropped) = self.state.withLock { state in
                let taken = (state.backlog, state.dropped)
                state.backlog = []
                state.dropped = 0
                if taken.0.isEmpty, taken.1 == 0 { state.isWriting = false }
                return taken
            }
            guard !bytes.isEmpty || dropped > 0 else { return }
            self.writeAll(bytes)
            if dropped > 0 { self.writeAll(Array(self.note(of: dropped).utf8)) }
        }
    }

    private func note(of dropped: Int) -> String {
        let line = LogLineCollector()
        Logger(label: "martlet.log") { self.makeHandler($0, line) }
            .warning("the log was not read, or not fast enough: lines were left out", metadata: ["lines": "\(dropped)"])
        return line.text
    }

    /// Writes all bytes, and waits until they have been taken; what cannot be written, as when a disk is full, is lost.
    private func writeAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                let count = systemWrite(self.descriptor, bytes.baseAddress! + start, bytes.count - start)
                if count >= 0 {
                    start += count
                } else if errno == EAGAIN {
                    var request = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&request, 1, -1)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }

    // MARK: The end of the process

    /// Waits until what has been logged is written, but not for ever.
    package static func flush() {
        let done = DispatchSemaphore(value: 0)
        self.queue.async { done.signal() }
        _ = done.wait(timeout: .now() + .milliseconds(250))
    }

    private static let flushAtExit: Void = {
        atexit { LogOutput.flush() }
    }()
}
