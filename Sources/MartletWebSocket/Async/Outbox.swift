import DequeModule
import MartletProtocol
import NIOCore
import Synchronization

/// Messages on their way from tasks to the event loop. It is bounded; a task that sends into a full one waits in line.
///
/// While a task writes a message part by part, the messages of other tasks wait in line too, whatever the policy:
/// nothing may come between the parts.
final class Outbox: Sendable {
    enum Attempt {
        /// The message was taken; the event loop must be told if `wakesLoop` is `true`.
        case taken(wakesLoop: Bool)
        case full
        /// A message is being written part by part.
        case blocked
        case overflow
        case closed(WebSocketError)
    }

    private enum Wish {
        case message(OutboundMessage)
        /// The task wants to write a message part by part.
        case writer
    }

    private struct Waiter {
        let id: UInt64
        let wish: Wish
        /// The continuation of the task, resumed with whether the event loop must be told.
        let continuation: CheckedContinuation<Bool, any Error>
    }

    /// A part that waits for room.
    private struct PartWaiter {
        let id: UInt64
        let part: MessagePart
        let bytes: ByteBuffer
        let compress: Bool
        let continuation: CheckedContinuation<Bool, any Error>
    }

    private struct State {
        var queue: OutboundQueue<OutboundMessage.Label>
        /// The bytes that the event loop took and the kernel has not taken.
        var inFlight = 0
        var isLoopAwake = false
        var droppedBefore = 0
        var hasWriter = false
        var partWaiters: Deque<PartWaiter> = []
        var waiters: Deque<Waiter> = []
        var nextWaiterID: UInt64 = 0
        var closed: WebSocketError?

        mutating func newID() -> UInt64 {
            self.nextWaiterID += 1
            return self.nextWaiterID
        }

        private mutating func taken() -> Attempt {
            defer { self.isLoopAwake = true }
            return .taken(wakesLoop: !self.isLoopAwake)
        }

        /// Takes a message, or returns why not.
        mutating func offer(_ message: OutboundMessage, policy: OverflowPolicy? = nil) -> Attempt {
            if let closed = self.closed { return .closed(closed) }
            guard !self.hasWriter else { return .blocked }
            switch self.queue.offer(length: message.size, inFlight: self.inFlight, policy: policy) {
            case .accepted:
                message.append(to: &self.queue)
                return self.taken()
            case .refused: return .full
            case .overflow: return .overflow
            }
        }

        mutating func offer(_ part: MessagePart, _ bytes: ByteBuffer, compress: Bool) -> Attempt {
            if let closed = self.closed { return .closed(closed) }
            guard
                part.isLast && bytes.readableBytes == 0
                    || self.queue.offer(length: bytes.readableBytes, inFlight: self.inFlight, policy: .suspend)
                        == .accepted
            else { return .full }
            self.queue.append(
                .part(part, compress: compress), length: bytes.readableBytes, isDroppable: false,
                continues: !part.isFirst
            ) { $0.writeImmutableBuffer(bytes) }
            return self.taken()
        }
    }

    /// The tasks whose turn has come, to be resumed outside the lock.
    private typealias Resumption = (CheckedContinuation<Bool, any Error>, Result<Bool, any Error>)

    private static let fullError = WebSocketError(
        .full, reason: "the outbound queue is full; the message was dropped")

    private let state: Mutex<State>
    private let waitsWhenFull: Bool

    init(configuration: WebSocketConfiguration) {
        self.waitsWhenFull = configuration.overflowPolicy == .suspend
        self.state = Mutex(
            State(
                queue: OutboundQueue(
                    limit: configuration.outboundQueueLimit, policy: configuration.overflowPolicy)))
    }

    /// - Parameter policy: used in place of the connection's, unless `nil`.
    func attempt(_ message: OutboundMessage, policy: OverflowPolicy? = nil) -> Attempt {
        self.state.withLock { state in
            if let closed = state.closed { return .closed(closed) }
            return state.waiters.isEmpty ? state.offer(message, policy: policy) : .blocked
        }
    }

    /// Waits in line until there is room for a message.
    ///
    /// - Returns: whether the event loop must be told.
    func wait(_ message: OutboundMessage) async throws -> Bool { try await self.wait(.message(message)) }

    private func wait(_ wish: Wish) async throws -> Bool {
        let id = self.state.withLock { $0.newID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let resumed = self.state.withLock { state -> [Resumption] in
                    if Task.isCancelled { return [(continuation, .failure(CancellationError()))] }
                    state.waiters.append(Waiter(id: id, wish: wish, continuation: continuation))
                    return self.admit(&state)
                }
                for (continuation, result) in resumed { continuation.resume(with: result) }
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func cancel(_ id: UInt64) {
        let resumed = self.state.withLock { state -> [Resumption] in
            if let index = state.waiters.firstIndex(where: { $0.id == id }) {
                let waiter = state.waiters.remove(at: index)
                return [(waiter.continuation, .failure(CancellationError()))] + self.admit(&state)
            }
            guard let index = state.partWaiters.firstIndex(where: { $0.id == id }) else { return [] }
            return [(state.partWaiters.remove(at: index).continuation, .failure(CancellationError()))]
        }
        for (continuation, result) in resumed { continuation.resume(with: result) }
    }

    /// Admits the waiting tasks whose turn has come. Each is told whether to wake the loop.
    private func admit(_ state: inout State) -> [Resumption] {
        var resumed: [Resumption] = []
        while let waiter = state.partWaiters.first {
            switch state.offer(waiter.part, waiter.bytes, compress: waiter.compress) {
            case .taken(let wakesLoop): resumed.append((waiter.continuation, .success(wakesLoop)))
            case .closed(let error): resumed.append((waiter.continuation, .failure(error)))
            case .full, .blocked, .overflow: return resumed
            }
            state.partWaiters.removeFirst()
        }
        while let waiter = state.waiters.first {
            if let closed = state.closed {
                resumed.append((waiter.continuation, .failure(closed)))
            } else if state.hasWriter {
                return resumed
            } else if case .message(let message) = waiter.wish {
                switch state.offer(message) {
                case .taken(let wakesLoop): resumed.append((waiter.continuation, .success(wakesLoop)))
                case .closed(let error): resumed.append((waiter.continuation, .failure(error)))
                case .full where self.waitsWhenFull, .blocked: return resumed
                case .full, .overflow: resumed.append((waiter.continuation, .failure(Self.fullError)))
                }
            } else {
                state.hasWriter = true
                resumed.append((waiter.continuation, .success(false)))
            }
            state.waiters.removeFirst()
        }
        return resumed
    }

    // MARK: A message written part by part

    /// Waits until no other task writes a message part by part, and keeps other tasks from sending until
    /// ``endWriter()``.
    func beginWriter() async throws { _ = try await self.wait(.writer) }

    /// - Returns: whether the event loop must be told.
    func write(_ part: MessagePart, _ bytes: ByteBuffer, compress: Bool) async throws -> Bool {
        let id = self.state.withLock { $0.newID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let resumed = self.state.withLock { state -> [Resumption] in
                    if Task.isCancelled, !part.isLast { return [(continuation, .failure(CancellationError()))] }
                    state.partWaiters.append(
                        PartWaiter(id: id, part: part, bytes: bytes, compress: compress, continuation: continuation))
                    return self.admit(&state)
                }
                for (continuation, result) in resumed { continuation.resume(with: result) }
            }
        } onCancel: {
            if !part.isLast { self.cancel(id) }
        }
    }

    func endWriter() -> Bool {
        let resumed = self.state.withLock { state in
            state.hasWriter = false
            return self.admit(&state)
        }
        return Self.resume(resumed)
    }

    /// - Returns: whether the loop must be told; the resumed tasks are not asked to.
    private static func resume(_ resumed: [Resumption]) -> Bool {
        var wakesLoop = false
        for (continuation, result) in resumed {
            if case .success(true) = result { wakesLoop = true }
            continuation.resume(with: result.map { _ in false })
        }
        return wakesLoop
    }

    // MARK: On the event loop

    /// Returns everything that waits, to be written now; `nil` when there is nothing, and the next message will wake
    /// the loop. `dropped` is the number of messages that the policy has dropped since the last call.
    func takeAll() -> (bytes: ByteBuffer, pieces: Deque<OutboundQueue<OutboundMessage.Label>.Piece>, dropped: Int)? {
        self.state.withLock { state in
            state.inFlight = 0
            guard !state.queue.isEmpty else {
                state.isLoopAwake = false
                return nil
            }
            state.inFlight = state.queue.cost
            var bytes = ByteBuffer()
            let pieces = state.queue.takeAll(into: &bytes)
            defer { state.droppedBefore = state.queue.droppedCount }
            return (bytes, pieces, state.queue.droppedCount - state.droppedBefore)
        }
    }

    /// Notes that what was taken has been written, and admits waiting tasks.
    func wrote() {
        let resumed = self.state.withLock { state in
            state.inFlight = 0
            return self.admit(&state)
        }
        _ = Self.resume(resumed)  // the caller drains next
    }

    /// Refuses every message from now on.
    func close(_ error: WebSocketError) {
        let resumed = self.state.withLock { state in
            state.closed = state.closed ?? error
            return self.admit(&state)
        }
        _ = Self.resume(resumed)
    }
}
