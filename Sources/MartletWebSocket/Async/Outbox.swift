import DequeModule
import MartletProtocol
import NIOCore
import Synchronization

/// Encoded messages on their way from tasks to the event loop. Bounded; who sends into a full one waits in line.
final class Outbox: Sendable {
    enum Attempt {
        /// Taken; the event loop must be told when `wakesLoop`.
        case taken(wakesLoop: Bool)
        case full
        case overflow
        case closed(WebSocketError)
    }

    private struct Waiter {
        let id: UInt64
        let frame: ByteBuffer
        let continuation: CheckedContinuation<Bool, any Error>
    }

    private struct State {
        var queue: OutboundQueue
        /// Bytes that the event loop took and the kernel has not.
        var inFlight = 0
        var isLoopAwake = false
        var maskingKeys = MaskingKeyPool()
        var waiters: Deque<Waiter> = []
        var nextWaiterID: UInt64 = 0
        var closed: WebSocketError?

        /// Takes a frame, or says why not.
        mutating func offer(_ frame: ByteBuffer) -> Attempt {
            if let closed = self.closed { return .closed(closed) }
            switch self.queue.offer(length: frame.readableBytes, inFlight: self.inFlight) {
            case .accepted:
                self.queue.append(length: frame.readableBytes) { $0.writeImmutableBuffer(frame) }
                defer { self.isLoopAwake = true }
                return .taken(wakesLoop: !self.isLoopAwake)
            case .refused: return .full
            case .overflow: return .overflow
            }
        }
    }

    private let state: Mutex<State>
    private let role: Role

    init(role: Role, configuration: WebSocketConfiguration) {
        self.role = role
        self.state = Mutex(
            State(
                queue: OutboundQueue(
                    limit: configuration.outboundQueueLimit, policy: configuration.overflowPolicy)))
    }

    private func encode(_ message: WebSocketMessage) -> ByteBuffer {
        let key = self.role == .client ? self.state.withLock { $0.maskingKeys.next() } : nil
        var frame = ByteBuffer()
        switch message {
        case .text(var text):
            text.withUTF8 { _ = frame.writeFrame(.text, maskingKey: key, payload: UnsafeRawBufferPointer($0)) }
        case .binary(let bytes):
            bytes.withUnsafeReadableBytes { _ = frame.writeFrame(.binary, maskingKey: key, payload: $0) }
        }
        return frame
    }

    func attempt(_ message: WebSocketMessage) -> Attempt {
        let frame = self.encode(message)
        return self.state.withLock { $0.waiters.isEmpty ? $0.offer(frame) : .full }
    }

    /// Waits in line until there is room.
    ///
    /// - Returns: whether the event loop must be told.
    func wait(_ message: WebSocketMessage) async throws -> Bool {
        let frame = self.encode(message)
        let id = self.state.withLock { state in
            state.nextWaiterID += 1
            return state.nextWaiterID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = self.state.withLock { state -> Result<Bool, any Error>? in
                    if state.waiters.isEmpty {
                        switch state.offer(frame) {
                        case .taken(let wakesLoop): return .success(wakesLoop)
                        case .closed(let error): return .failure(error)
                        case .full, .overflow: break
                        }
                    } else if let closed = state.closed {
                        return .failure(closed)
                    }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters.append(Waiter(id: id, frame: frame, continuation: continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    // MARK: On the event loop

    /// Everything that waits, to be written now; `nil` when there is nothing, and the next message will wake the loop.
    func drain() -> ByteBuffer? {
        self.state.withLock { state in
            state.inFlight = 0
            guard !state.queue.isEmpty else {
                state.isLoopAwake = false
                return nil
            }
            var bytes = ByteBuffer()
            state.queue.drain(into: &bytes)
            state.inFlight = bytes.readableBytes
            return bytes
        }
    }

    /// What was drained has been written: lets those in who wait in line.
    func wrote() {
        let admitted = self.state.withLock { state -> [Waiter] in
            state.inFlight = 0
            var admitted: [Waiter] = []
            while let waiter = state.waiters.first, case .taken = state.offer(waiter.frame) {
                admitted.append(state.waiters.removeFirst())
            }
            return admitted
        }
        for waiter in admitted { waiter.continuation.resume(returning: false) }
    }

    /// Refuses everything from now on.
    func close(_ error: WebSocketError) {
        let waiters = self.state.withLock { state in
            state.closed = state.closed ?? error
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }
}
