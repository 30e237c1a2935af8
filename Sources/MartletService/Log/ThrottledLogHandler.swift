import Dispatch
package import Logging
import Synchronization

/// Passes lines on to another handler, except those that repeat: see ``LogThrottle``.
package struct ThrottledLogHandler: ForwardingLogHandler {
    /// The time in which equal refusals are one line.
    private static let pause = DispatchTimeInterval.seconds(1)

    /// The state that all loggers of a process share.
    private final class Shared: Sendable {
        let throttle = Mutex(LogThrottle())
    }

    private static let shared = Shared()

    package var inner: any LogHandler

    package init(_ inner: any LogHandler) { self.inner = inner }

    package func log(event: LogEvent) {
        guard let key = LogThrottle.Key(event) else { return self.inner.log(event: event) }
        switch Self.shared.throttle.withLock({ $0.note(key) }) {
        case .leaveOut: break
        case .logAndWait(let key):
            self.inner.log(event: event)
            self.wait(key, event)
        }
    }

    private func wait(_ key: LogThrottle.Key, _ event: LogEvent) {
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + Self.pause) {
            let count = Self.shared.throttle.withLock { $0.end(key) }
            guard count > 0 else { return }
            var event = event
            if key == .others {
                event.message = "left out lines about many clients"
                event.metadata = [:]
            }
            event.metadata?["repeated"] = "\(count)"
            self.inner.log(event: event)
            self.wait(key, event)
        }
    }
}
