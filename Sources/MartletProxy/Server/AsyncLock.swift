/// Lets one task at a time through, in order.
actor AsyncLock {
    private var isTaken = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    nonisolated func withLock<Value: Sendable>(_ body: () async throws -> Value) async rethrows -> Value {
        await self.take()
        do {
            let value = try await body()
            await self.release()
            return value
        } catch {
            await self.release()
            throw error
        }
    }

    private func take() async {
        guard self.isTaken else {
            self.isTaken = true
            return
        }
        await withCheckedContinuation { self.waiters.append($0) }
    }

    private func release() {
        if self.waiters.isEmpty { self.isTaken = false } else { self.waiters.removeFirst().resume() }
    }
}
