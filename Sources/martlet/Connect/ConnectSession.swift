import Foundation
import MartletWebSocket
import NIOCore
import Synchronization

/// Talks over one connection after the other: standard input out, messages in.
final class ConnectSession: Sendable {
    struct Options: Sendable {
        var pingInterval: TimeAmount?
        /// Whether to end after the first message, and not with the input.
        var oneMessage = false
        /// The text that is sent repeatedly in place of standard input, and the time between two of them.
        var repeated: (text: String, interval: TimeAmount)?
        /// Whether to close when the input ends.
        var closesAtEnd = true
    }

    private struct State {
        var socket: WebSocketConnection?
        var waiters: [CheckedContinuation<WebSocketConnection?, Never>] = []
        var isOver = false
    }

    let output: ConnectOutput
    private let options: Options
    private let state = Mutex(State())

    init(options: Options, output: ConnectOutput) {
        self.options = options
        self.output = output
    }

    /// Whether the user or the input has ended the session.
    var isOver: Bool { self.state.withLock { $0.isOver } }

    /// Ends the session: the connection is closed and no other opened.
    func finish() async {
        let socket = self.stop()
        await socket?.close()
    }

    @discardableResult
    func stop() -> WebSocketConnection? {
        let (socket, waiters) = self.state.withLock { state in
            state.isOver = true
            defer { state.waiters = [] }
            return (state.socket, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: nil) }
        return socket
    }

    /// Sends what comes, over whatever connection there is; returns at the end of the input.
    func send(_ input: ConnectInput?) async {
        if let repeated = self.options.repeated {
            while !self.isOver, (try? await Task.sleep(for: .nanoseconds(repeated.interval.nanoseconds))) != nil {
                let time = Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))
                await self.send(.text(repeated.text.replacing("{time}", with: time)))
            }
        } else if let input {
            for await message in input.messages {
                await self.send(message)
                input.consumed()
                if self.isOver { return }
            }
            guard self.options.closesAtEnd, !self.options.oneMessage, await self.current() != nil else { return }
            await self.finish()
        }
    }

    private func send(_ message: WebSocketMessage) async {
        while let socket = await self.current() {
            if (try? await socket.send(message)) != nil { return }
            self.lost(socket)
        }
    }

    /// The connection that there is, or will be; `nil` when the session is over.
    private func current() async -> WebSocketConnection? {
        await withCheckedContinuation { continuation in
            let known = self.state.withLock { state -> WebSocketConnection?? in
                if state.isOver { return .some(nil) }
                if let socket = state.socket { return .some(socket) }
                state.waiters.append(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    private func lost(_ socket: WebSocketConnection) {
        self.state.withLock { state in
            if state.socket === socket { state.socket = nil }
        }
    }

    /// Shows what comes over a connection until it ends.
    func receive(_ socket: WebSocketConnection) async {
        let waiters = self.state.withLock { state in
            state.socket = socket
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: socket) }
        self.output.opened(socket)
        await withTaskGroup(of: Void.self) { group in
            if let interval = self.options.pingInterval {
                group.addTask {
                    while (try? await Task.sleep(for: .nanoseconds(interval.nanoseconds))) != nil,
                        let roundTrip = try? await socket.ping()
                    {
                        self.output.pong(roundTrip)
                    }
                }
            }
            // The close information says how a connection ended.
            var messages = socket.messages.makeAsyncIterator()
            while let message = try? await messages.next() {
                guard self.output.received(message), !self.options.oneMessage else {
                    _ = self.stop()
                    break
                }
            }
            if self.isOver { await socket.close() }
            self.lost(socket)
            group.cancelAll()
        }
        self.output.closed(await socket.closed())
    }
}
