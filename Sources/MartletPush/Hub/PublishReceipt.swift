import Synchronization

/// Gathers the outcome of one publication: its position, and how many sessions of each shard took it.
final class PublishReceipt: Sendable {
    private struct State {
        /// Whether the broker has confirmed the publication.
        var isConfirmed = false
        /// Shards that are not done; `nil` until the publication has been received on this node.
        var missing: Int?
        var count = 0
        var position: StreamPosition?
        /// Whether publications may be missing on this node: this one is not waited for any more.
        var isInterrupted = false
        var onDone: (@Sendable (Result<PublishResult, BrokerError>) -> Void)?
    }

    /// The slot among the receipts (the lower 32 bits), and its generation.
    let number: UInt64
    private let receipts: PublishReceipts
    private let state: Mutex<State>

    /// - Parameter onDone: called once, on any thread.
    init(
        _ number: UInt64, among receipts: PublishReceipts,
        _ onDone: @escaping @Sendable (Result<PublishResult, BrokerError>) -> Void
    ) {
        self.number = number
        self.receipts = receipts
        self.state = Mutex(State(onDone: onDone))
    }

    private func end(
        _ onDone: (@Sendable (Result<PublishResult, BrokerError>) -> Void)?,
        _ result: Result<PublishResult, BrokerError>
    ) {
        guard let onDone else { return }
        self.receipts.end(self.number)
        onDone(result)
    }

    /// The publication came back from the broker. To be called before any shard is done.
    func received(shardCount: Int) {
        self.settle { $0.missing = shardCount }
    }

    func shardIsDone(_ count: Int) {
        self.settle { state in
            state.count += count
            state.missing = (state.missing ?? 1) - 1
        }
    }

    /// The broker has answered.
    ///
    /// - Parameters:
    ///   - outcome: the publication's position.
    ///   - isExpected: whether it is to be received on this node, and waited for.
    func confirmed(_ outcome: Result<StreamPosition?, BrokerError>, isExpected: Bool) {
        switch outcome {
        case .failure(let error): self.failed(error)
        case .success(let position):
            self.settle { state in
                state.isConfirmed = true
                state.position = position
                if !isExpected, state.missing == nil { state.missing = 0 }
            }
        }
    }

    /// The broker was away: what has not been received by now may never be.
    func interrupted() { self.settle { $0.isInterrupted = true } }

    private func failed(_ error: BrokerError) {
        let onDone = self.state.withLock { state in
            defer { state.onDone = nil }
            return state.onDone
        }
        self.end(onDone, .failure(error))
    }

    /// Ends the receipt because the time is up. A publication that was confirmed has happened, although not all
    /// sessions have been counted.
    func expired() {
        let (onDone, result) = self.state.withLock { state -> (_, Result<PublishResult, BrokerError>) in
            defer { state.onDone = nil }
            guard state.isConfirmed else {
                let error = BrokerError(.timedOut, reason: "the broker did not answer in time", mayHaveHappened: true)
                return (state.onDone, .failure(error))
            }
            return (
                state.onDone,
                .success(PublishResult(delivered: state.count, position: state.position, isComplete: false))
            )
        }
        self.end(onDone, result)
    }

    private func settle(_ change: (inout State) -> Void) {
        let done = self.state.withLock {
            state -> ((@Sendable (Result<PublishResult, BrokerError>) -> Void), PublishResult)? in
            change(&state)
            let isLost = state.isInterrupted && state.missing == nil
            guard state.isConfirmed, isLost || state.missing == 0, let onDone = state.onDone.take() else { return nil }
            return (onDone, PublishResult(delivered: state.count, position: state.position, isComplete: !isLost))
        }
        if let (onDone, result) = done { self.end(onDone, .success(result)) }
    }
}
