import DequeModule
import Synchronization

/// A `BackEndQueue` lets so many requests at once through to a back end; the others wait in their order. Waiting here
/// is no fault of the back end, and is not part of the time that it may take.
final class BackEndQueue: Sendable {
    private struct State {
        var underWay = 0
        var waiting: Deque<(continuation: CheckedContinuation<Void, Never>, cost: Int)> = []
        var bytes = 0
    }

    private let width: Int
    private let byteLimit: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - width: requests that may be under way at once.
    ///   - byteLimit: bytes of the requests that wait.
    init(width: Int, byteLimit: Int) {
        self.width = width
        self.byteLimit = byteLimit
    }

    var waitingBytes: Int { self.state.withLock { $0.bytes } }

    /// Waits for a place; ``leave()`` must follow.
    ///
    /// - Parameter cost: the memory that the request holds while it waits. Bytes.
    /// - Returns: `false` when too many wait.
    func enter(cost: Int) async -> Bool {
        let isIn = self.state.withLock { state -> Bool? in
            if state.underWay < self.width {
                state.underWay += 1
                return true
            }
            guard state.bytes + cost <= self.byteLimit else { return false }
            state.bytes += cost
            return nil
        }
        if let isIn { return isIn }
        await withCheckedContinuation { continuation in
            let isFree = self.state.withLock { state in
                // A place may have become free in the meantime.
                guard state.underWay >= self.width else {
                    state.underWay += 1
                    state.bytes -= cost
                    return true
                }
                state.waiting.append((continuation, cost))
                return false
            }
            if isFree { continuation.resume() }
        }
        return true
    }

    func leave() {
        let next = self.state.withLock { state in
            let next = state.waiting.popFirst()
            if let next { state.bytes -= next.cost } else { state.underWay -= 1 }
            return next
        }
        next?.continuation.resume()
    }
}
