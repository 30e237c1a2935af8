import Foundation

/// A progress bar for long work, on standard error; shown only at a terminal.
struct ProgressBar {
    private static let width = 30

    /// The size of the work in bytes; `nil` if it is unknown.
    private let size: Int?
    private let isShown = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private var shownAt: ContinuousClock.Instant?

    init(size: Int?) { self.size = size }

    /// - Parameters:
    ///   - done: bytes.
    ///   - count: messages.
    mutating func show(_ done: Int, count: Int) {
        let now = ContinuousClock.now
        guard self.isShown, done == self.size || self.shownAt.map({ now - $0 > .milliseconds(100) }) ?? true else {
            return
        }
        self.shownAt = now
        let seconds = max(Double((now - self.start).components.seconds), 1)
        self.write("\r\(self.bar(done))\(count) messages, \(Int(Double(count) / seconds)) a second ")
    }

    private func bar(_ done: Int) -> String {
        guard let size, size > 0 else { return "" }
        let part = min(Double(done) / Double(size), 1)
        let filled = Int(part * Double(Self.width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        return "\(bar) \(Int(part * 100)) %, "
    }

    mutating func end() {
        if self.shownAt != nil { self.write("\n") }
        self.shownAt = nil
    }

    private func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
