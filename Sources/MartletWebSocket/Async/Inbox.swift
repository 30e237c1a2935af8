import DequeModule
import Synchronization

/// Received messages that wait to be read by tasks. Bounded: it says when the socket should no longer be read.
///
/// Safe to use from any task. The event loop adds, tasks take; cancelling a take loses no message.
final class Inbox: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<WebSocketMessage?, any Error>
    }

    private struct State {
        var messages: Deque<WebSocketMessage> = []
        var bytes = 0
        var isFull = false
        var waiters: Deque<Waiter> = []
        var nextWaiterID: UInt64 = 0
        /// Set at the end: `.success` when the connection was closed properly.
        var end: Result<Void, WebSocketError>?
    }

    private let state = Mutex(State())
    private let byteLimit: Int
    private let countLimit: Int
    /// Called when there is room again.
    private let onRoom: @Sendable () -> Void

    init(byteLimit: Int, countLimit: Int, onRoom: @escaping @Sendable () -> Void) {
        self.byteLimit = byteLimit
        self.countLimit = countLimit
        self.onRoom = onRoom
    }

    /// - Returns: whether the inbox is full now, so that no more should be read.
    func add(_ message: WebSocketMessage) -> Bool {
        let (waiter, isFull) = self.state.withLock { state -> (Waiter?, Bool) in
            if let waiter = state.waiters.popFirst() { return (waiter, false) }
            state.messages.append(message)
            state.bytes += message.size
            // Once full it stays so until take() finds it half empty and says that there is room.
            if state.bytes >= self.byteLimit || state.messages.count >= self.countLimit { state.isFull = true }
            return (nil, state.isFull)
        }
        waiter?.continuation.resume(returning: message)
        return isFull
    }

    /// No more will come. What is there can still be taken.
    func finish(_ end: Result<Void, WebSocketError>) {
        let waiters = self.state.withLock { state in
            state.end = end
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(with: end.map { nil }.mapError { $0 }) }
    }

    /// The next message; `nil` after the last.
    func next() async throws -> WebSocketMessage? {
        if let (message, hasRoom) = self.take() {
            if hasRoom { self.onRoom() }
            return message
        }
        let id = self.state.withLock { state in
            state.nextWaiterID += 1
            return state.nextWaiterID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.wait(Waiter(id: id, continuation: continuation))
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private func take() -> (WebSocketMessage, hasRoom: Bool)? {
        self.state.withLock { self.take(&$0) }
    }

    private func take(_ state: inout State) -> (WebSocketMessage, hasRoom: Bool)? {
        guard let message = state.messages.popFirst() else { return nil }
        state.bytes -= message.size
        let hasRoom =
            state.isFull && state.bytes <= self.byteLimit / 2 && state.messages.count <= self.countLimit / 2
        if hasRoom { state.isFull = false }
        return (message, hasRoom)
    }

    private func wait(_ waiter: Waiter) {
        var hasRoom = false
        let outcome = self.state.withLock { state -> Result<WebSocketMessage?, any Error>? in
            if let taken = self.take(&state) {
                hasRoom = taken.hasRoom
                return .success(taken.0)
            }
            if let end = state.end { return end.map { nil }.mapError { $0 } }
            // The cancellation handler runs after this is set, so one of the two sees the waiter.
            if Task.isCancelled { return .failure(CancellationError()) }
            state.waiters.append(waiter)
            return nil
        }
        if let outcome { waiter.continuation.resume(with: outcome) }
        if hasRoom { self.onRoom() }
    }
}
