import FoundationEssentials
public import HTTPTypes
public import MartletProtocol
public import NIOCore
import Synchronization

/// A WebSocket connection for tasks, with back-pressure in both directions; safe to use from any number of tasks.
///
/// - Messages are sent whole and in the order of the calls of one task; those of several tasks never mix.
/// - Pings and close frames are answered whether or not ``messages`` is read.
/// - Cancelling a task that waits in a call does not affect the connection.
public final class WebSocketConnection: Sendable {
    /// The subprotocol that the opening handshake agreed on; `nil` for none.
    public let subprotocol: String?
    public let remoteAddress: SocketAddress?
    public let localAddress: SocketAddress?
    /// The headers of the server's response to the opening handshake, on a client; empty on a server.
    public let handshakeFields: HTTPFields
    /// The parameters of compression that were agreed on; `nil` when messages are not compressed.
    public let compression: DeflateParameters?

    let inbox: Inbox
    let outbox: Outbox
    let executor: EventLoopTaskExecutor
    let eventLoop: any EventLoop
    let writerPieceSize: Int
    /// The latest round-trip time in nanoseconds; negative before the first measurement.
    private let roundTrip = Atomic<Int64>(-1)
    private let bridge: NIOLoopBound<ConnectionBridge>
    private let waitsWhenFull: Bool
    private let pingCount = Atomic<UInt64>(0)
    private let information = Mutex<WebSocketCloseInformation?>(nil)
    private let closeWaiters = Mutex<[@Sendable () -> Void]>([])

    init(socket: WebSocket, bridge: ConnectionBridge) {
        let configuration = socket.configuration
        let bridge = NIOLoopBound(bridge, eventLoop: socket.eventLoop)
        let eventLoop = socket.eventLoop
        self.subprotocol = socket.subprotocol
        self.remoteAddress = socket.remoteAddress
        self.localAddress = socket.localAddress
        self.handshakeFields = socket.handshakeFields
        self.compression = socket.compression
        self.writerPieceSize = max(min(configuration.fragmentSize, configuration.outboundQueueLimit / 2), 1)
        self.executor = socket.loop.executor
        self.eventLoop = eventLoop
        self.bridge = bridge
        self.waitsWhenFull = configuration.overflowPolicy == .suspend
        self.outbox = Outbox(configuration: configuration)
        self.inbox = Inbox(byteLimit: configuration.inboundQueueLimit, countLimit: configuration.inboundQueueCount) {
            eventLoop.execute { bridge.value.resumeReading() }
        }
    }

    /// The messages as they arrive, until the connection ends. The sequence ends without an error when a close frame
    /// was received, and throws ``WebSocketError`` with the code `closed` when the connection ended in another way.
    ///
    /// While no task reads, the queue fills up to ``WebSocketConfiguration/inboundQueueLimit``; then the socket is no
    /// longer read, and the peer has to wait. Several tasks may read; each message goes to one of them.
    public var messages: WebSocketMessages { WebSocketMessages(inbox: self.inbox) }

    /// Sends a message. Returns when it is in the outbound queue, not when the peer has it.
    ///
    /// With the policy `suspend` it waits for room; with the others it waits only while another task writes a message
    /// part by part.
    ///
    /// - Parameter compress: `false` to send it uncompressed even if compression was agreed on.
    /// - Throws: ``WebSocketError`` with the code `closed`, or `full` when the policy refused the message;
    ///   `CancellationError` when the task was cancelled while it waited.
    public func send(_ message: WebSocketMessage, compress: Bool = true) async throws {
        try await self.send(OutboundMessage(message, compress: compress))
    }

    /// Sends a message that was encoded once for many connections; otherwise like ``send(_:compress:)``.
    public func send(_ message: PreparedMessage) async throws { try await self.send(.prepared(message)) }

    private func send(_ message: OutboundMessage) async throws {
        switch self.outbox.attempt(message) {
        case .taken(let wakesLoop):
            if wakesLoop { self.flush() }
        case .closed(let error):
            throw error
        case .blocked,
            .full where self.waitsWhenFull:
            if try await self.outbox.wait(message) { self.flush() }
        case .full:
            throw WebSocketError(.full, reason: "the outbound queue is full; the message was dropped")
        case .overflow:
            self.overflow()
            throw WebSocketError(.closed, reason: "the peer reads too slowly; the connection is being closed")
        }
    }

    public func send(text: String, compress: Bool = true) async throws {
        try await self.send(.text(text), compress: compress)
    }

    public func send(binary: ByteBuffer, compress: Bool = true) async throws {
        try await self.send(.binary(binary), compress: compress)
    }

    /// Sends a value as JSON text.
    ///
    /// - Throws: ``WebSocketError`` with the code `invalidMessage` when it cannot be encoded.
    public func send(json value: some Encodable, compress: Bool = true) async throws {
        let data: Data
        do { data = try JSONEncoder().encode(value) } catch {
            throw WebSocketError(.invalidMessage, reason: "the value cannot be encoded as JSON", cause: error)
        }
        try await self.send(.text(String(decoding: data, as: UTF8.self)), compress: compress)
    }

    /// Sends a message if there is room; never waits.
    public func trySend(_ message: WebSocketMessage, compress: Bool = true) -> SendResult {
        self.trySend(OutboundMessage(message, compress: compress))
    }

    /// Sends a message that was encoded once for many connections, if there is room; never waits.
    public func trySend(_ message: PreparedMessage) -> SendResult { self.trySend(.prepared(message)) }

    /// - Parameter policy: used in place of the connection's, unless `nil`.
    func trySend(_ message: OutboundMessage, policy: OverflowPolicy? = nil) -> SendResult {
        switch self.outbox.attempt(message, policy: policy) {
        case .taken(let wakesLoop):
            if wakesLoop { self.flush() }
            return .sent
        case .full, .blocked: return .full
        case .overflow:
            self.overflow()
            return .closed
        case .closed: return .closed
        }
    }

    /// Sends a ping and waits for its pong.
    ///
    /// - Returns: the round-trip time.
    /// - Throws: ``WebSocketError`` with the code `closed` when the connection ends first; `CancellationError`.
    public func ping() async throws -> Duration {
        let id = self.pingCount.wrappingAdd(1, ordering: .relaxed).newValue
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // The cancellation handler of a task that is already cancelled has run before this.
                guard !Task.isCancelled else {
                    continuation.resume(throwing: CancellationError())
                    return
                }
                self.onLoop { $0.ping(id, continuation) }
            }
        } onCancel: {
            // After the ping itself: a task that is cancelled before it has its ping sent and forgotten.
            self.eventLoop.execute { [bridge = self.bridge] in bridge.value.cancelPing(id) }
        }
    }

    /// The round-trip time of the latest answered ping, by ``ping()`` or the keepalive; `nil` before the first.
    public var latency: Duration? {
        let nanoseconds = self.roundTrip.load(ordering: .relaxed)
        return nanoseconds < 0 ? nil : .nanoseconds(nanoseconds)
    }

    func measured(_ latency: TimeAmount) { self.roundTrip.store(latency.nanoseconds, ordering: .relaxed) }

    /// Ends the TCP connection at once, without a close frame; the peer sees 1006.
    ///
    /// - Parameter reason: the reason in ``closeInformation``.
    public func abort(reason: String) { self.onLoop { $0.abort(reason: reason) } }

    /// Closes the connection and waits for its end, at most ``WebSocketConfiguration/closeTimeout``. Messages sent
    /// before are sent first. Does nothing on a connection that is closed.
    ///
    /// - Parameters:
    ///   - code: a code that may be sent, see `CloseCode.isSendable`.
    ///   - reason: the reason, cut to 123 bytes.
    @discardableResult
    public func close(_ code: CloseCode = .normalClosure, reason: String = "") async -> WebSocketCloseInformation {
        self.onLoop { $0.close(code, reason: reason) }
        return await self.closed()
    }

    /// Begins to close the connection with 1000, and does not wait.
    func closeSoon() { self.onLoop { $0.close(.normalClosure, reason: "") } }

    /// Waits for the end of the connection.
    public func closed() async -> WebSocketCloseInformation {
        while true {
            if let information = self.closeInformation { return information }
            await withCheckedContinuation { continuation in self.whenClosed { continuation.resume() } }
        }
    }

    /// Calls `action` once the connection has ended, or at once if it already has.
    func whenClosed(_ action: @escaping @Sendable () -> Void) {
        let hasEnded = self.closeWaiters.withLock { waiters in
            if self.closeInformation != nil { return true }
            waiters.append(action)
            return false
        }
        if hasEnded { action() }
    }

    /// The close code and reason with which the connection ended; `nil` while it is open.
    public var closeInformation: WebSocketCloseInformation? { self.information.withLock { $0 } }

    private func onLoop(_ body: @escaping @Sendable (ConnectionBridge) -> Void) {
        if self.eventLoop.inEventLoop {
            body(self.bridge.value)
        } else {
            self.eventLoop.execute { [bridge = self.bridge] in body(bridge.value) }
        }
    }

    /// Flushes at the end of the loop's tick, so that one system call takes all that is sent during it.
    func flush() {
        self.eventLoop.execute { [bridge = self.bridge] in bridge.value.flush() }
    }

    /// Sends a message of a broadcast on the event loop: without another thread and without a later tick.
    func post(_ message: PreparedMessage, policy: OverflowPolicy) -> SendResult {
        switch self.outbox.attempt(.prepared(message), policy: policy) {
        case .taken(let wakesLoop):
            if wakesLoop { self.bridge.value.flush() }
            return .sent
        case .full, .blocked: return .full
        case .overflow:
            self.overflow()
            return .closed
        case .closed: return .closed
        }
    }

    private func overflow() { self.onLoop { $0.overflowed() } }

    /// Notes the end of the connection; called by the bridge, once.
    func ended(_ information: WebSocketCloseInformation, _ error: WebSocketError) {
        self.outbox.close(error)
        self.information.withLock { $0 = information }
        self.inbox.finish(information.isClean ? .success(()) : .failure(error))
        let waiters = self.closeWaiters.withLock { waiters in
            defer { waiters = [] }
            return waiters
        }
        for waiter in waiters { waiter() }
    }

    /// Runs `body` on the connection's event loop, and closes the connection afterwards: with 1000, or with 1011 if
    /// `body` throws.
    func run(_ body: @Sendable (WebSocketConnection) async throws -> Void) async throws -> WebSocketCloseInformation {
        do {
            try await body(self)
        } catch {
            if self.closeInformation == nil {
                await self.close(error is CancellationError ? .goingAway : .internalError)
            }
            throw error
        }
        return await self.close()
    }
}
