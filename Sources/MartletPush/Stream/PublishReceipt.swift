import Synchronization

/// Gathers what became of one publication: how many sessions of each shard took it.
package final class PublishReceipt: Sendable {
    private struct State {
        var missing: Int?
        var count = 0
        var position: StreamPosition?
        var onDone: (@Sendable (PublishResult) -> Void)?
    }

    private let state: Mutex<State>

    /// - Parameter onDone: called once, on any thread.
    package init(_ onDone: @escaping @Sendable (PublishResult) -> Void) {
        self.state = Mutex(State(onDone: onDone))
    }

    /// To be called once, before any shard is done.
    package func wasAccepted(at position: StreamPosition?, shardCount: Int) {
        self.settle { state in
            state.position = position
            state.missing = shardCount
        }
    }

    func shardIsDone(_ count: Int) {
        self.settle { state in
            state.count += count
            state.missing = (state.missing ?? 1) - 1
        }
    }

    private func settle(_ change: (inout State) -> Void) {
        let (onDone, result) = self.state.withLock { state in
            change(&state)
            let result = PublishResult(delivered: state.count, position: state.position)
            guard state.missing == 0 else { return ((@Sendable (PublishResult) -> Void)?.none, result) }
            defer { state.onDone = nil }
            return (state.onDone, result)
        }
        onDone?(result)
    }
}
