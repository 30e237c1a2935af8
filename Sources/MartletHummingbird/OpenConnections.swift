import NIOCore
import Synchronization

/// A count of the open connections of a server, whatever they carry.
///
/// Hummingbird's server waits for its tasks when it shuts down, and an upgraded connection has none. A program that
/// runs the server must wait here as well; otherwise the process ends while WebSockets are open.
public final class OpenConnections: Sendable {
    private struct State {
        var count = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    public init() {}

    public var count: Int { self.state.withLock { $0.count } }

    func opened(_ channel: any Channel) {
        self.state.withLock { $0.count += 1 }
        channel.closeFuture.whenComplete { _ in self.closed() }
    }

    private func closed() {
        let waiters = self.state.withLock { state in
            state.count -= 1
            guard state.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until no connection is open. Every connection ends within its close timeout once the server shuts down.
    public func allClosed() async {
        await withCheckedContinuation { continuation in
            let isEmpty = self.state.withLock { state in
                if state.count > 0 { state.waiters.append(continuation) }
                return state.count == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
