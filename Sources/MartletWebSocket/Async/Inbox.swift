import DequeModule
import MartletProtocol
import NIOCore
import Synchronization

/// Received messages that wait to be read by tasks. It is bounded: it says when the socket should no longer be read.
///
/// Safe to use from any task. The event loop adds messages; tasks take them, whole or as streams of chunks. Cancelling
/// a task that waits loses no message.
final class Inbox: Sendable {
    private enum Entry {
        case whole(WebSocketMessage)
        /// A message that came in parts, of which the last may not have come.
        case parts(MessageKind, ByteBuffer, isComplete: Bool)

        var size: Int {
            switch self {
            case .whole(let message): message.size
            case .parts(_, let bytes, _): bytes.readableBytes
            }
        }
    }

    private enum Waiter {
        case message(UInt64, CheckedContinuation<WebSocketMessage?, any Error>)
        case stream(UInt64, CheckedContinuation<Stream?, any Error>)

        var id: UInt64 {
            switch self {
            case .message(let id, _), .stream(let id, _): id
            }
        }

        func fail(_ error: any Error) {
            switch self {
            case .message(_, let continuation): continuation.resume(throwing: error)
            case .stream(_, let continuation): continuation.resume(throwing: error)
            }
        }

        func finish() {
            switch self {
            case .message(_, let continuation): continuation.resume(returning: nil)
            case .stream(_, let continuation): continuation.resume(returning: nil)
            }
        }
    }

    /// A message that a task reads chunk by chunk.
    struct Stream: Sendable {
        let id: UInt64
        let kind: MessageKind
    }

    private struct OpenStream {
        let id: UInt64
        var bytes: ByteBuffer
        var isComplete: Bool
        /// Whether the reader has given up; the rest of the message is then discarded.
        var isAbandoned = false
        var waiter: (id: UInt64, continuation: CheckedContinuation<ByteBuffer?, any Error>)?
    }

    private struct State {
        var entries: Deque<Entry> = []
        var bytes = 0
        var isFull = false
        var stream: OpenStream?
        var waiters: Deque<Waiter> = []
        var nextID: UInt64 = 0
        /// The end of the input, once it has come: `.success` if the connection was closed properly.
        var end: Result<Void, WebSocketError>?

        mutating func newID() -> UInt64 {
            self.nextID += 1
            return self.nextID
        }

        /// Whether a task waits for the rest of a message; the limit must not hold it back then.
        var isWaitingForRest: Bool {
            guard self.stream == nil, case .message? = self.waiters.first,
                case .parts(_, _, isComplete: false)? = self.entries.first
            else { return false }
            return true
        }
    }

    /// The continuations to resume, and whether to report room, once the lock is released.
    private struct Outcome {
        var actions: [() -> Void] = []
        var hasRoom = false
    }

    private let state = Mutex(State())
    private let byteLimit: Int
    private let countLimit: Int
    /// The function to call when there is room again.
    private let onRoom: @Sendable () -> Void

    init(byteLimit: Int, countLimit: Int, onRoom: @escaping @Sendable () -> Void) {
        self.byteLimit = byteLimit
        self.countLimit = countLimit
        self.onRoom = onRoom
    }

    // MARK: On the event loop

    /// - Returns: whether the inbox is full now, so that no more should be read.
    func add(_ message: WebSocketMessage) -> Bool {
        self.change { state in
            state.entries.append(.whole(message))
            state.bytes += message.size
        }
    }

    /// - Returns: whether the inbox is full now, so that no more should be read.
    func add(_ part: MessagePart, _ bytes: ByteBuffer) -> Bool {
        self.change { state in
            if !part.isFirst, state.stream?.isComplete == false {
                if state.stream?.isAbandoned == false {
                    state.stream?.bytes.writeImmutableBuffer(bytes)
                    state.bytes += bytes.readableBytes
                }
                state.stream?.isComplete = part.isLast
                return
            }
            state.bytes += bytes.readableBytes
            if part.isFirst {
                state.entries.append(.parts(part.kind, bytes, isComplete: part.isLast))
            } else if case .parts(let kind, var whole, isComplete: false)? = state.entries.last {
                state.entries.removeLast()
                whole.writeImmutableBuffer(bytes)
                state.entries.append(.parts(kind, whole, isComplete: part.isLast))
            } else {
                state.bytes -= bytes.readableBytes  // its beginning was thrown away
            }
        }
    }

    private func change(_ body: (inout State) -> Void) -> Bool {
        let (outcome, isFull) = self.state.withLock { state in
            body(&state)
            let outcome = self.serve(&state)
            // Once full it stays so until it is half empty, and then it reports that there is room.
            if state.bytes >= self.byteLimit || state.entries.count >= self.countLimit {
                state.isFull = !state.isWaitingForRest
            }
            return (outcome, state.isFull)
        }
        for action in outcome.actions { action() }
        return isFull
    }

    /// Ends the input. Messages in the inbox can still be taken, except for one whose end is missing.
    func finish(_ end: Result<Void, WebSocketError>) {
        let outcome = self.state.withLock { state in
            state.end = end
            if case .parts(_, let bytes, isComplete: false)? = state.entries.last {
                state.entries.removeLast()
                state.bytes -= bytes.readableBytes
            }
            return self.serve(&state)
        }
        for action in outcome.actions { action() }
    }

    // MARK: For tasks

    /// Returns the next message; `nil` after the last.
    func next() async throws -> WebSocketMessage? {
        if let message = self.takeWaiting() { return message }
        return try await self.wait { .message($0, $1) }
    }

    /// Returns the next message as a stream; `nil` after the last. No task gets another message until this one has been
    /// read to its end or given up with ``abandon(_:)``.
    func nextStream() async throws -> Stream? { try await self.wait { .stream($0, $1) } }

    private func wait<Value: Sendable>(
        _ makeWaiter: @Sendable (UInt64, CheckedContinuation<Value?, any Error>) -> Waiter
    ) async throws -> Value? {
        let id = self.state.withLock { $0.newID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.perform { state in
                    // The cancellation handler runs after the waiter is added, so one of the two sees it.
                    if Task.isCancelled {
                        return Outcome(actions: [{ continuation.resume(throwing: CancellationError()) }])
                    }
                    state.waiters.append(makeWaiter(id, continuation))
                    return self.serve(&state)
                }
            }
        } onCancel: {
            self.perform { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return Outcome() }
                let waiter = state.waiters.remove(at: index)
                var outcome = self.serve(&state)
                outcome.actions.append { waiter.fail(CancellationError()) }
                return outcome
            }
        }
    }

    /// Handles the usual case, without a continuation: a message is there and no task waits.
    private func takeWaiting() -> WebSocketMessage? {
        let (message, hasRoom) = self.state.withLock { state -> (WebSocketMessage?, Bool) in
            guard state.waiters.isEmpty, state.stream == nil, let entry = state.entries.first,
                let message = Self.message(of: entry)
            else { return (nil, false) }
            state.entries.removeFirst()
            state.bytes -= entry.size
            return (message, self.makesRoom(&state))
        }
        if hasRoom { self.onRoom() }
        return message
    }

    /// Returns the next bytes of a stream; `nil` at its end.
    func nextChunk(of id: UInt64) async throws -> ByteBuffer? {
        let waiterID = self.state.withLock { $0.newID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.perform { state in
                    guard state.stream?.id == id else {
                        return Outcome(actions: [{ continuation.resume(returning: nil) }])
                    }
                    if Task.isCancelled {
                        return Outcome(actions: [{ continuation.resume(throwing: CancellationError()) }])
                    }
                    precondition(state.stream?.waiter == nil, "one task at a time reads the chunks of a message")
                    state.stream?.waiter = (waiterID, continuation)
                    return self.serve(&state)
                }
            }
        } onCancel: {
            self.perform { state in
                guard let waiter = state.stream?.waiter, waiter.id == waiterID else { return Outcome() }
                state.stream?.waiter = nil
                return Outcome(actions: [{ waiter.continuation.resume(throwing: CancellationError()) }])
            }
        }
    }

    /// Gives up the rest of a stream.
    func abandon(_ id: UInt64) {
        self.perform { state in
            guard state.stream?.id == id else { return Outcome() }
            state.bytes -= state.stream?.bytes.readableBytes ?? 0
            state.stream?.bytes.clear()
            state.stream?.isAbandoned = true
            return self.serve(&state)
        }
    }

    // MARK: Matching messages with waiting tasks

    private func perform(_ body: (inout State) -> Outcome) {
        let outcome = self.state.withLock { state in
            var outcome = body(&state)
            if self.makesRoom(&state) { outcome.hasRoom = true }
            return outcome
        }
        for action in outcome.actions { action() }
        if outcome.hasRoom { self.onRoom() }
    }

    /// Whether there is room again after the inbox was full.
    private func makesRoom(_ state: inout State) -> Bool {
        guard state.isFull else { return false }
        guard
            state.bytes <= self.byteLimit / 2 && state.entries.count <= self.countLimit / 2
                || state.isWaitingForRest
        else { return false }
        state.isFull = false
        return true
    }

    private static func message(of entry: Entry) -> WebSocketMessage? {
        switch entry {
        case .whole(let message): message
        case .parts(.text, let bytes, isComplete: true): .text(String(buffer: bytes))
        case .parts(.binary, let bytes, isComplete: true): .binary(bytes)
        case .parts: nil
        }
    }

    private func serve(_ state: inout State) -> Outcome {
        var outcome = Outcome()
        while true {
            if state.stream != nil, !self.serveStream(&state, &outcome) { return outcome }
            guard let waiter = state.waiters.first else { return outcome }
            guard let entry = state.entries.first else {
                guard let end = state.end else { return outcome }
                state.waiters.removeFirst()
                outcome.actions.append {
                    switch end {
                    case .success: waiter.finish()
                    case .failure(let error): waiter.fail(error)
                    }
                }
                continue
            }
            switch waiter {
            case .message(_, let continuation):
                guard let message = Self.message(of: entry) else { return outcome }
                state.entries.removeFirst()
                state.bytes -= entry.size
                outcome.actions.append { continuation.resume(returning: message) }
            case .stream(_, let continuation):
                state.entries.removeFirst()
                let stream = self.open(entry, &state)
                outcome.actions.append { continuation.resume(returning: stream) }
            }
            state.waiters.removeFirst()
        }
    }

    private func open(_ entry: Entry, _ state: inout State) -> Stream {
        let id = state.newID()
        switch entry {
        case .whole(.text(let text)):
            state.stream = OpenStream(id: id, bytes: ByteBuffer(string: text), isComplete: true)
            return Stream(id: id, kind: .text)
        case .whole(.binary(let bytes)):
            state.stream = OpenStream(id: id, bytes: bytes, isComplete: true)
            return Stream(id: id, kind: .binary)
        case .parts(let kind, let bytes, let isComplete):
            state.stream = OpenStream(id: id, bytes: bytes, isComplete: isComplete)
            return Stream(id: id, kind: kind)
        }
    }

    /// - Returns: whether the stream has ended, so that the next message may be taken.
    private func serveStream(_ state: inout State, _ outcome: inout Outcome) -> Bool {
        guard var stream = state.stream else { return true }
        let hasEnded = stream.isComplete || state.end != nil
        if stream.isAbandoned {
            if hasEnded { state.stream = nil }
            return hasEnded
        }
        guard let waiter = stream.waiter else { return false }
        if stream.bytes.readableBytes > 0 {
            let chunk = stream.bytes
            state.bytes -= chunk.readableBytes
            stream.bytes = ByteBuffer()
            stream.waiter = nil
            state.stream = stream
            outcome.actions.append { waiter.continuation.resume(returning: chunk) }
            return false
        }
        guard hasEnded else { return false }
        state.stream = nil
        let isComplete = stream.isComplete
        let end = state.end
        outcome.actions.append {
            if isComplete {
                waiter.continuation.resume(returning: nil)
            } else if case .failure(let error)? = end {
                waiter.continuation.resume(throwing: error)
            } else {
                waiter.continuation.resume(
                    throwing: WebSocketError(.closed, reason: "the connection was closed in the middle of a message"))
            }
        }
        return true
    }
}
