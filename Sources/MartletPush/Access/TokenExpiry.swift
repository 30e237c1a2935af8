package import FoundationEssentials
package import NIOCore

/// Ends something when a token has expired. Lives on an event loop.
package final class TokenExpiry {
    /// The longest time that a timer is set for, in seconds: event loops calculate in nanoseconds, and nothing lives so
    /// long.
    private static let longest = 366.0 * 86_400

    private var timer: Scheduled<Void>?

    package init() {}

    /// Sets the time; replaces the one that was set before.
    ///
    /// - Parameter time: `nil` for never.
    package func set(_ time: Date?, on eventLoop: any EventLoop, _ end: @escaping () -> Void) {
        self.timer?.cancel()
        self.timer = nil
        guard let time else { return }
        let seconds = max(time.timeIntervalSinceNow, 0)
        guard seconds < Self.longest else { return }
        self.timer = eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(seconds * 1000)), end)
    }

    package func cancel() {
        self.timer?.cancel()
        self.timer = nil
    }
}
