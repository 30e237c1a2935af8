import MartletPush

/// The times within which shares of some publications were delivered, in seconds; `nil` when there were none.
struct DeliveryPercentiles: Encodable, Hashable, Sendable {
    let p50: Double?
    let p90: Double?
    let p99: Double?

    /// - Parameters:
    ///   - counts: publications in each class of delivery times.
    ///   - bounds: the upper ends of the classes, of which the last has none.
    init(_ counts: [Int], bounds: [Double] = DeliveryTimes.bounds) {
        let total = counts.reduce(0, +)
        func time(_ share: Double) -> Double? {
            guard total > 0, !bounds.isEmpty else { return nil }
            var seen = 0
            for (index, count) in counts.enumerated() {
                seen += count
                if Double(seen) >= share * Double(total) { return bounds[min(index, bounds.count - 1)] }
            }
            return bounds[bounds.count - 1]
        }
        self.p50 = time(0.5)
        self.p90 = time(0.9)
        self.p99 = time(0.99)
    }
}
