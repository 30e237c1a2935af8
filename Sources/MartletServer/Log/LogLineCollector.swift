import Synchronization

/// Keeps what a log handler writes.
final class LogLineCollector: TextOutputStream, Sendable {
    private let contents = Mutex("")

    var text: String { self.contents.withLock { $0 } }

    func write(_ text: String) { self.contents.withLock { $0 += text } }
}
