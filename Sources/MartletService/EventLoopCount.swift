import CMartletSystem
import FoundationEssentials
import NIOCore

/// The number of event loops of the process: one for each processor that it may use.
package enum EventLoopCount {
    private static let variable = "NIO_SINGLETON_GROUP_LOOP_COUNT"

    /// Sets NIO's number of event loops to that of the processors that the process may use; called before anything else
    /// uses NIO. NIO knows a container's quota, but not that a process has been given some of the processors only:
    /// loops that share a processor cost a switch of threads each time that one wakes the other.
    ///
    /// Only the push service calls it: there it saves a tenth of the cost of a push to one user. The proxy keeps NIO's
    /// number: on one processor its handshakes were measured to cost more with one loop than with two.
    package static func fitToProcessors() {
        let count = Int(martlet_processor_count())
        // A number that was set in the environment takes precedence.
        guard count > 0, ProcessInfo.processInfo.environment[self.variable] == nil else { return }
        NIOSingletons.groupLoopCountSuggestion = min(count, System.coreCount)
    }
}
