import CMartletSystem
import FoundationEssentials
import NIOCore

/// How many event loops the process has: one for each processor that it may use.
package enum EventLoopCount {
    private static let variable = "NIO_SINGLETON_GROUP_LOOP_COUNT"

    /// NIO knows a container's quota, but not that a process has been given some of the processors: loops that take turns on
    /// one of them cost a switch of threads each time that one wakes the other. To be called before anything else uses NIO.
    ///
    /// For the push service: there it is a tenth of the cost of a push to one user. The proxy keeps NIO's
    /// number: on one processor its handshakes were measured dearer with one loop than with two.
    package static func fitToProcessors() {
        let count = Int(martlet_processor_count())
        // What somebody has asked for counts.
        guard count > 0, ProcessInfo.processInfo.environment[self.variable] == nil else { return }
        NIOSingletons.groupLoopCountSuggestion = min(count, System.coreCount)
    }
}
