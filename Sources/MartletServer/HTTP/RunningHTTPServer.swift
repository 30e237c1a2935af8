import MartletHTTP
import MartletHummingbird
import NIOCore

/// An ``HTTPServer`` that serves beside another one, until it is stopped.
struct RunningHTTPServer: Sendable {
    let address: ListenAddress
    private let server: HTTPServer
    private let sockets: [any Channel]
    private let serving: Task<Void, Never>

    /// - Parameters:
    ///   - address: its port is known.
    ///   - sockets: the sockets on which it listens.
    init(_ server: HTTPServer, _ address: ListenAddress, _ sockets: [any Channel]) {
        self.server = server
        self.address = address
        self.sockets = sockets
        self.serving = Task.detached { await server.server.run() }
    }

    /// Accepts no more connections, ends the open ones when their requests are answered, and returns when the last has
    /// ended. A task that was cancelled waits for no request.
    func stop() async {
        if Task.isCancelled { self.serving.cancel() }
        for socket in self.sockets { try? await socket.close() }
        await self.server.end()
        await self.serving.value
    }
}
