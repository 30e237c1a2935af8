public import Logging
public import MartletWebSocket
import NIOCore
import ServiceLifecycle
import Synchronization

/// A WebSocket server at every path that talks to one client at a time and closes others meanwhile with 1013.
public struct OneClientServer: Sendable {
    private let address: ListenAddress
    private let configuration: WebSocketConfiguration
    private let subprotocols: [String]
    private let origin: OriginPolicy
    private let logger: Logger

    public init(
        address: ListenAddress, configuration: WebSocketConfiguration, subprotocols: [String], origin: OriginPolicy,
        logger: Logger
    ) {
        self.address = address
        self.configuration = configuration
        self.subprotocols = subprotocols
        self.origin = origin
        self.logger = logger
    }

    /// Whether there is a client.
    private final class Busy: Sendable {
        private let flag = Atomic(false)

        func take() -> Bool {
            self.flag.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        }

        func free() { self.flag.store(false, ordering: .releasing) }
    }

    /// - Parameter serve: talks to a client; answers whether to wait for another.
    /// - Throws: ``WebSocketError`` with the code `bindFailed`.
    public func run(
        onListening: @escaping @Sendable (ListenAddress) -> Void,
        serve: @escaping @Sendable (WebSocketConnection) async -> Bool
    ) async throws {
        let server = WebSocketServer(
            configuration: .init(
                host: self.address.host, port: self.address.port, webSocket: self.configuration),
            logger: self.logger)
        let busy = Busy()
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        server.route("*", origin: self.origin, subprotocols: self.subprotocols) { _, socket in
            guard busy.take() else {
                await socket.close(.tryAgainLater, reason: "another client is being served")
                return
            }
            defer { busy.free() }
            if await !serve(socket) { end.finish() }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let local = try await server.localAddress
            onListening(ListenAddress(host: self.address.host, port: local.port ?? self.address.port))
            group.addTask { for await _ in ended {} }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
