import MartletProtocol
public import MartletWebSocket
public import NIOCore
import NIOEmbedded

/// Two ends of a WebSocket connection in memory: for tests of handlers, without sockets and without waiting.
///
/// ```swift
/// let clock = WebSocketTestClock()
/// let pair = try await WebSocketPair.inMemory(clock: clock)
/// async let served: Void = echo(pair.server)
/// try await pair.client.send(text: "hello")
/// #expect(try await pair.client.messages.first { _ in true } == .text("hello"))
/// await clock.advance(by: .seconds(20))      // the keepalive's pings are sent now
/// ```
public struct WebSocketPair: Sendable {
    public let client: WebSocketConnection
    public let server: WebSocketConnection
    private let channels: [NIOAsyncTestingChannel]

    /// Returns two ends that have finished the opening handshake.
    ///
    /// - Parameters:
    ///   - clock: the clock of both ends; it stands still until it is moved.
    ///   - server: the server's configuration. Messages are compressed if both ends ask for it.
    ///   - client: the client's configuration.
    ///   - subprotocol: the subprotocol that the handshake agreed on.
    public static func inMemory(
        clock: WebSocketTestClock = WebSocketTestClock(),
        server: WebSocketConfiguration = .init(),
        client: WebSocketConfiguration = .init(),
        subprotocol: String? = nil
    ) async throws -> WebSocketPair {
        let opened = clock.eventLoop.makePromise(of: WebSocketConnection.self)
        let serverChannel = NIOAsyncTestingChannel(loop: clock.eventLoop)
        let connection = try await Self.connect(
            clock, serverChannel, server: server, client: client, subprotocol: subprotocol
        ) { _ in WebSocketConnection.handler { opened.succeed($0) } }
        return WebSocketPair(
            client: connection.client, server: try await opened.futureResult.get(),
            channels: [serverChannel, connection.channel])
    }

    /// Returns a client whose peer is a handler of the event-loop tier.
    public static func inMemory(
        clock: WebSocketTestClock = WebSocketTestClock(),
        server: WebSocketConfiguration = .init(),
        client: WebSocketConfiguration = .init(),
        subprotocol: String? = nil,
        handler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler
    ) async throws -> WebSocketConnection {
        try await Self.connect(
            clock, NIOAsyncTestingChannel(loop: clock.eventLoop), server: server, client: client,
            subprotocol: subprotocol, makeHandler: handler
        ).client
    }

    /// Cuts the connection, as if a cable was pulled and both ends noticed at once: both see 1006.
    public func cut() async {
        for channel in self.channels { channel.close(promise: nil) }
        _ = await (self.client.closed(), self.server.closed())
    }

    private static func connect(
        _ clock: WebSocketTestClock, _ serverChannel: NIOAsyncTestingChannel,
        server: WebSocketConfiguration, client: WebSocketConfiguration, subprotocol: String?,
        makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler
    ) async throws -> (client: WebSocketConnection, channel: NIOAsyncTestingChannel) {
        let compression = try Self.negotiate(server: server, client: client)
        let clientChannel = NIOAsyncTestingChannel(loop: clock.eventLoop)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        for channel in [serverChannel, clientChannel] { try await channel.connect(to: address).get() }
        let opened = clock.eventLoop.makePromise(of: WebSocketConnection.self)
        clock.eventLoop.execute {
            let loop = LoopContext(eventLoop: clock.eventLoop)
            let wires = (InMemoryWire(), InMemoryWire())
            InMemoryWire.connect(wires.0, wires.1)
            let sockets = (
                WebSocket(
                    role: .server, configuration: server, subprotocol: subprotocol, compression: compression?.server,
                    isPlainTCP: false, handler: makeHandler(clock.eventLoop), eventLoop: clock.eventLoop, loop: loop),
                WebSocket(
                    role: .client, configuration: client, subprotocol: subprotocol, compression: compression?.client,
                    isPlainTCP: false, handler: WebSocketConnection.handler { opened.succeed($0) },
                    eventLoop: clock.eventLoop,
                    loop: loop)
            )
            do {
                try serverChannel.pipeline.syncOperations.addHandlers(wires.0, sockets.0)
                try clientChannel.pipeline.syncOperations.addHandlers(wires.1, sockets.1)
            } catch {
                opened.fail(error)
            }
        }
        return (try await opened.futureResult.get(), clientChannel)
    }

    /// Returns the parameters on which a real handshake would have agreed.
    private static func negotiate(
        server: WebSocketConfiguration, client: WebSocketConfiguration
    ) throws -> (server: DeflateParameters, client: DeflateParameters)? {
        guard let ours = server.compression, let theirs = client.compression,
            let accepted = DeflateParameters.accept([DeflateParameters.offer(theirs)], configuration: ours)
        else { return nil }
        return (accepted.parameters, try DeflateParameters.check(accepted.answer, configuration: theirs))
    }
}
