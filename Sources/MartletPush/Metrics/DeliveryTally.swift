/// Deliveries of one batch, to be counted at once: a counter that several threads use costs more than an addition.
struct DeliveryTally {
    /// A number for each transport, with room for eight, beside each other: a tally lives as long as one batch, and takes
    /// no memory of its own.
    private var counts: InlineArray<8, Int> = .init(repeating: 0)

    mutating func count(_ deliveries: Int, _ transport: SessionTransport) {
        self.counts[transport.index] += deliveries
    }

    func add(to counters: PushCounters) {
        for transport in SessionTransport.allCases where self.counts[transport.index] > 0 {
            counters.add(self.counts[transport.index], to: .deliveries(transport))
        }
    }
}
