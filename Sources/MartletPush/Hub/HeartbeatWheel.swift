import NIOCore

/// A heartbeat wheel tells many sessions of one event loop when to send a heartbeat, with one timer for all: each spoke
/// has its turn once in an interval. Used on its event loop.
final class HeartbeatWheel {
    protocol Member: AnyObject {
        func beat()
    }

    private let eventLoop: any EventLoop
    private let step: TimeAmount
    private var spokes: [[ObjectIdentifier: any Member]]
    private var turn = 0
    private var count = 0
    private var task: RepeatedTask?

    /// - Parameters:
    ///   - interval: between two beats of a member.
    ///   - spokes: into how many parts the members are divided.
    init(interval: TimeAmount, spokes: Int = 15, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.step = .nanoseconds(max(interval.nanoseconds / Int64(spokes), 1))
        self.spokes = Array(repeating: [:], count: spokes)
    }

    /// - Returns: its spoke, to be given back to ``remove(_:from:)``.
    func add(_ member: any Member) -> Int {
        // Behind the part whose turn it is: its first beat comes after a whole interval.
        let spoke = (self.turn + self.spokes.count - 1) % self.spokes.count
        self.spokes[spoke][ObjectIdentifier(member)] = member
        self.count += 1
        if self.task == nil {
            let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.task = self.eventLoop.scheduleRepeatedTask(initialDelay: self.step, delay: self.step) { _ in
                bound.value.advance()
            }
        }
        return spoke
    }

    func remove(_ member: any Member, from spoke: Int) {
        guard self.spokes[spoke].removeValue(forKey: ObjectIdentifier(member)) != nil else { return }
        self.count -= 1
        if self.spokes[spoke].isEmpty { self.spokes[spoke] = [:] }  // a dictionary never shrinks by itself
        if self.count == 0 {
            self.task?.cancel()
            self.task = nil
        }
    }

    private func advance() {
        // One that ends by its beat leaves the part: a copy is walked.
        for member in self.spokes[self.turn].values { member.beat() }
        self.turn = (self.turn + 1) % self.spokes.count
    }
}
