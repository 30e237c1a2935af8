import Synchronization

/// Whether a server takes more work, which `/readyz` reports.
package final class Readiness: Sendable {
    private let flag = Atomic(false)

    package init() {}

    package var isReady: Bool { self.flag.load(ordering: .relaxed) }

    package func set(_ isReady: Bool) { self.flag.store(isReady, ordering: .relaxed) }
}
