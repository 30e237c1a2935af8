package import NIOCore

/// The batches in which connections are ended at a shutdown: spread over a time, each of a random size, so that clients
/// do not all reconnect in the same instant. It is a value; its user ends the connections, and sleeps for ``step``
/// between two batches.
package struct DrainPlan {
    package struct Batch: Equatable {
        /// The share of the remaining connections that this batch ends.
        package let share: Double
        /// Whether this is the last batch, which ends everything that is left.
        package let isLast: Bool

        /// Returns how many of `total` connections to end: a whole number that is the share on average, so that even a
        /// few connections are spread over the whole time.
        package func count(of total: Int) -> Int {
            self.isLast ? total : min(Int(Double(total) * self.share + Double.random(in: 0..<1)), total)
        }
    }

    /// The time between two batches.
    package static let step = TimeAmount.milliseconds(100)

    private var left: Int

    package init(over time: TimeAmount) { self.left = max(Int(time.nanoseconds / Self.step.nanoseconds), 1) }

    /// - Returns: the next batch; `nil` after the last.
    package mutating func next() -> Batch? {
        guard self.left > 0 else { return nil }
        defer { self.left -= 1 }
        guard self.left > 1 else { return Batch(share: 1, isLast: true) }
        return Batch(share: min(Double.random(in: 0.5...1.5) / Double(self.left), 1), isLast: false)
    }
}
