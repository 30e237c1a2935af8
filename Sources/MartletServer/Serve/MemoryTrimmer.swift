import CMartletSystem
import MartletPush

/// Gives memory back to the system after many connections have gone: glibc keeps what it once had, so that a morning's
/// peak would be the process's size for the rest of its life.
struct MemoryTrimmer {
    /// Fewer connections are not worth a pause.
    static let smallestDeparture = 1000

    /// The most connections since the last trim.
    private var peak = 0
    private var previous = 0

    /// Looks at the counters; it is to be called at regular intervals.
    ///
    /// - Parameter count: of connections now.
    /// - Returns: whether to trim: at least half of them, and a thousand, have gone, and no more are going. In the middle
    ///   of a departure it would be too early for the rest of it.
    mutating func observe(_ count: Int) -> Bool {
        defer { self.previous = count }
        self.peak = max(self.peak, count)
        guard self.peak - count >= Self.smallestDeparture, count <= self.peak / 2, count >= self.previous else {
            return false
        }
        self.peak = count
        return true
    }

    /// Looks once a second until cancelled.
    static func run(_ counters: PushCounters) async throws {
        var trimmer = Self()
        while true {
            try await Task.sleep(for: .seconds(1))
            if trimmer.observe(counters[.sessions] + counters[.eventStreams] + counters[.polls]) { martlet_trim_heap() }
        }
    }
}
