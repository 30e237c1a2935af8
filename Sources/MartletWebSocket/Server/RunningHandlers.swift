import Synchronization

/// Counts the handlers of a server that have not returned.
final class RunningHandlers: Sendable {
    private struct State {
        var count = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func began() { self.state.withLock { $0.count += 1 } }

    func ended() {
        let waiters = self.state.withLock { state in
            state.count -= 1
            guard state.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func releaseWaiters() {
        let waiters = self.state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until all have returned, but no longer than `timeout`.
    func wait(atMost timeout: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withCheckedContinuation { continuation in
                    let isIdle = self.state.withLock { state in
                        if state.count > 0 { state.waiters.append(continuation) }
                        return state.count == 0
                    }
                    if isIdle { continuation.resume() }
                }
            }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            self.releaseWaiters()
            group.cancelAll()
        }
    }
}
