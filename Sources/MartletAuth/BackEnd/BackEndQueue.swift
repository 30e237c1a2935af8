import Synchronization

/// A `BackEndQueue` lets so many requests at once through to a back end; the others wait: those of one client in their
/// order, and the clients take turns. Waiting here is no fault of the back end, and is not part of the time that it may
/// take.
final class BackEndQueue: Sendable {
    private struct State {
        var underWay = 0
        var waiting: ClientTurns<CheckedContinuation<Bool, Never>>
    }

    private let width: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - width: requests that may be under way at once.
    ///   - byteLimit: bytes of the requests that wait.
    ///   - share: bytes of the requests of one client that wait. Default: a quarter of all.
    init(width: Int, byteLimit: Int, share: Int? = nil) {
        self.width = width
        self.state = Mutex(State(waiting: ClientTurns(limit: byteLimit, share: share ?? byteLimit / 4)))
    }

    var waitingBytes: Int { self.state.withLock { $0.waiting.cost } }

    /// Waits for a place; ``leave()`` must follow.
    ///
    /// - Parameters:
    ///   - cost: the memory that the request holds while it waits, above 0. Bytes.
    ///   - client: the name of the client that the request is for.
    /// - Returns: `false` when too many wait.
    func enter(cost: Int, for client: String) async -> Bool {
        await withCheckedContinuation { continuation in
            let isIn = self.state.withLock { state -> Bool? in
                guard state.underWay >= self.width else {
                    state.underWay += 1
                    return true
                }
                return state.waiting.append(continuation, cost: cost, of: client) ? nil : false
            }
            if let isIn { continuation.resume(returning: isIn) }
        }
    }

    func leave() {
        let next = self.state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.underWay -= 1 }
            return next
        }
        next?.resume(returning: true)
    }
}
