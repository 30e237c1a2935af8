import Synchronization

/// Whether a server wants more work: what `/readyz` says.
final class Readiness: Sendable {
    private let flag = Atomic(false)

    var isReady: Bool { self.flag.load(ordering: .relaxed) }

    func set(_ isReady: Bool) { self.flag.store(isReady, ordering: .relaxed) }
}
