import Foundation

/// How far a long piece of work is, on standard error, when somebody is there to see it.
struct ProgressBar {
    private static let width = 30

    private let total: Int
    private let isShown: Bool
    private let start = ContinuousClock.now
    private var shownAt: ContinuousClock.Instant?

    init(total: Int) {
        self.total = total
        self.isShown = isatty(STDERR_FILENO) == 1 && total > 1
    }

    mutating func show(_ done: Int) {
        let now = ContinuousClock.now
        guard self.isShown, done == self.total || self.shownAt.map({ now - $0 > .milliseconds(100) }) ?? true else {
            return
        }
        self.shownAt = now
        let filled = done * Self.width / self.total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        let seconds = max(Double((now - self.start).components.seconds), 1)
        self.write("\r\(bar) \(done) of \(self.total), \(Int(Double(done) / seconds)) a second ")
    }

    func end() {
        if self.isShown, self.shownAt != nil { self.write("\n") }
    }

    private func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
