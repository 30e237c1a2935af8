import CMartletEdit
import Dispatch
import Foundation
import Synchronization

/// Lines that are typed at a terminal, with editing and history, and output that does not tear them apart.
///
/// libedit knows one terminal and one thread: everything it does happens on the thread that ``start()`` makes.
final class LineEditor: Sendable {
    private static let prompt = "> "
    /// libedit's callback takes no context, and there is one terminal.
    private nonisolated(unsafe) static var onLine: ((String?) -> Void)?
    /// `nonisolated(unsafe)`, both: used on the editor's thread alone.
    private nonisolated(unsafe) static var isLineDone = false

    let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    private let output = Mutex<[String]>([])
    /// The pipe that wakes the editor's thread when there is output, or an end.
    private let wake = Pipe()
    private let isOver = Mutex(false)
    private let ended = DispatchSemaphore(value: 0)

    init() { (self.lines, self.continuation) = AsyncStream.makeStream() }

    func start() { Thread.detachNewThread { self.run() } }

    /// Prints a line above the one that is being typed.
    func show(_ line: String) {
        self.output.withLock { $0.append(line) }
        try? self.wake.fileHandleForWriting.write(contentsOf: Data([0]))
    }

    /// Prints what is left and gives the terminal back as it was.
    func stop() {
        self.isOver.withLock { $0 = true }
        try? self.wake.fileHandleForWriting.write(contentsOf: Data([0]))
        self.ended.wait()
    }

    private func run() {
        Self.onLine = { line in
            guard let line else {
                self.continuation.finish()
                rl_callback_handler_remove()
                return
            }
            Self.isLineDone = true
            if !line.isEmpty { add_history(line) }
            self.continuation.yield(line)
        }
        Self.install()
        var sources = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.wake.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        while !self.isOver.withLock({ $0 }) {
            guard poll(&sources, 2, -1) > 0 else { continue }
            if sources[1].revents != 0 {
                _ = self.wake.fileHandleForReading.availableData
                self.flush()
            }
            if sources[0].revents != 0 {
                Self.isLineDone = false
                rl_callback_read_char()
                if Self.isLineDone {
                    // libedit shows the old line again otherwise.
                    rl_callback_handler_remove()
                    Self.install()
                }
            }
        }
        rl_callback_handler_remove()
        ServiceRunner.write(Data("\r\u{1b}[K".utf8))
        for line in self.output.withLock({ $0 }) { ServiceRunner.say(line) }
        self.ended.signal()
    }

    private static func install() {
        rl_callback_handler_install(Self.prompt) { line in
            LineEditor.onLine?(line.map { String(cString: $0) })
            free(line)
        }
    }

    private func flush() {
        let lines = self.output.withLock { lines in
            defer { lines = [] }
            return lines
        }
        guard !lines.isEmpty else { return }
        ServiceRunner.write(Data("\r\u{1b}[K".utf8))
        for line in lines { ServiceRunner.say(line) }
        rl_forced_update_display()
    }
}
