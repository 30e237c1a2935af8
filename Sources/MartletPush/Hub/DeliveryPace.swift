/// Decides whether an event loop delivers a publication at once, or at the end of its turn, together with what else
/// comes until then.
///
/// Gathering saves a system call a session for each publication that joins another, and costs a little for one that
/// stays alone. So a loop on which publications stay alone delivers at once, and gathers now and then to see whether
/// they still do.
struct DeliveryPace {
    /// Turns in a row with one publication, after which the next ones are delivered at once.
    static let calmTurns = 4
    /// Publications that are delivered at once between two turns that gather.
    static let deliveriesAtOnce = 15

    private var turnsAlone = 0
    private var left = 0

    /// Returns whether one more publication may be delivered at once.
    mutating func mayDeliverAtOnce() -> Bool {
        guard self.left > 0 else { return false }
        self.left -= 1
        return true
    }

    /// Notes how many publications a turn has gathered.
    mutating func gathered(_ count: Int) {
        self.turnsAlone = count > 1 ? 0 : self.turnsAlone &+ 1
        self.left = self.turnsAlone < Self.calmTurns ? 0 : Self.deliveriesAtOnce
    }
}
