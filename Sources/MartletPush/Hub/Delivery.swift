import Synchronization

/// Gathers from several shards how many sessions took one publication.
final class Delivery: Sendable {
    private struct State {
        var missing: Int
        var count = 0
    }

    private let state: Mutex<State>
    private let continuation: CheckedContinuation<Int, Never>

    init(shardCount: Int, _ continuation: CheckedContinuation<Int, Never>) {
        self.state = Mutex(State(missing: shardCount))
        self.continuation = continuation
    }

    func shardIsDone(_ count: Int) {
        let total = self.state.withLock { state -> Int? in
            state.count += count
            state.missing -= 1
            return state.missing == 0 ? state.count : nil
        }
        if let total { self.continuation.resume(returning: total) }
    }
}
