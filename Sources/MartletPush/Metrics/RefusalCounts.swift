import Synchronization

/// Refusals since the start, by reason. Safe to use from any thread.
package final class RefusalCounts: Sendable {
    private final class Count: Sendable { let value = Atomic(0) }

    private let counts = RefusalReason.allCases.map { _ in Count() }

    init() {}

    package func count(_ reason: RefusalReason) {
        self.counts[reason.rawValue].value.add(1, ordering: .relaxed)
    }

    /// The number of refusals for a reason.
    package subscript(_ reason: RefusalReason) -> Int { self.counts[reason.rawValue].value.load(ordering: .relaxed) }
}
