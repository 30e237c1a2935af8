/// Turns by weight, spread evenly: with weights 3 and 1, a a b a and not a a a b (nginx's smooth round robin).
struct WeightedTurns: Sendable {
    private var credits: [Double]

    init(count: Int) { self.credits = .init(repeating: 0, count: count) }

    /// - Parameter weights: one for each; 0 for one that may not have the turn, above 0 for at least one.
    mutating func next(_ weights: [Double]) -> Int {
        var best = -1
        var total = 0.0
        for (index, weight) in weights.enumerated() where weight > 0 {
            self.credits[index] += weight
            total += weight
            if best < 0 || self.credits[index] > self.credits[best] { best = index }
        }
        self.credits[best] -= total
        return best
    }
}
