import Synchronization

/// Keeps what a log handler writes.
package final class LogLineCollector: TextOutputStream, Sendable {
    private let contents = Mutex("")

    package var text: String { self.contents.withLock { $0 } }

    package func write(_ text: String) { self.contents.withLock { $0 += text } }
}
