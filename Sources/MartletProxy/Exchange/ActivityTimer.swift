import NIOCore

/// A timer that fires when nothing has happened for its time limit. Touching it reads the clock and reschedules
/// nothing.
final class ActivityTimer {
    private let limit: TimeAmount
    private let eventLoop: any EventLoop
    private var last: NIODeadline
    private var scheduled: Scheduled<Void>?
    private let onSilence: () -> Void

    /// - Parameter last: when something happened last; `nil` for this moment.
    init(
        _ limit: TimeAmount, since last: NIODeadline? = nil, on eventLoop: any EventLoop,
        onSilence: @escaping () -> Void
    ) {
        self.limit = limit
        self.eventLoop = eventLoop
        self.last = last ?? eventLoop.now
        self.onSilence = onSilence
        self.schedule()
    }

    func touch() { self.last = self.eventLoop.now }

    func stop() {
        self.scheduled?.cancel()
        self.scheduled = nil
    }

    private func schedule() {
        self.scheduled = self.eventLoop.assumeIsolated().scheduleTask(deadline: self.last + self.limit) { [weak self] in
            guard let self else { return }
            if self.eventLoop.now >= self.last + self.limit { self.onSilence() } else { self.schedule() }
        }
    }
}
