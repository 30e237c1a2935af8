package import Logging
import MartletHTTP
package import MartletWebSocket
package import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Accepts connections, and ends them step by step.
///
/// Hummingbird's own server binds one address and, when it stops, tells all connections at once. This one takes several
/// sockets, including inherited ones, answers connections beyond its limit, and lets its owner stop listening long
/// before the connections end.
package final class ConnectionServer: Sendable {
    private static let backlog: Int32 = 4096
    /// Refused connections that wait for their client to read why.
    private static let refusalsAtOnce = 32

    private let group: any EventLoopGroup
    private let protocols: ServedProtocols
    private let limiter: ConnectionLimiter
    private let logger: Logger
    private let channels = OpenChannels()
    private let isAborted = Atomic(false)
    private let refusalCount = Atomic(0)
    private let values: AsyncStream<ServedProtocols.Value>
    private let continuation: AsyncStream<ServedProtocols.Value>.Continuation

    /// - Parameter limiter: connections beyond its total get 503.
    package init(
        group: any EventLoopGroup, protocols: ServedProtocols, limiter: ConnectionLimiter, logger: Logger
    ) {
        self.group = group
        self.protocols = protocols
        self.limiter = limiter
        self.logger = logger
        (self.values, self.continuation) = AsyncStream.makeStream()
    }

    /// The number of open connections.
    package var connectionCount: Int { self.channels.count }

    /// - Parameter isShared: whether each event loop gets a socket of its own (`SO_REUSEPORT`), among which the kernel
    ///   distributes connections. Another process with the same option may listen at the same address.
    /// - Returns: the listening sockets, with their addresses.
    package func listen(on sockets: [ListeningSocket], isShared: Bool) async throws -> [any Channel] {
        var listening: [any Channel] = []
        do {
            for socket in sockets {
                guard isShared, case .address(let host, var port) = socket else {
                    listening.append(try await self.bind(socket, self.bootstrap(self.group, isShared: false)))
                    continue
                }
                for eventLoop in self.group.makeIterator() {
                    let bootstrap = self.bootstrap(eventLoop, isShared: true)
                    let channel = try await self.bind(.address(host: host, port: port), bootstrap)
                    port = channel.localAddress?.port ?? port
                    listening.append(channel)
                }
            }
        } catch {
            for channel in listening { try? await channel.close() }
            throw error
        }
        return listening
    }

    private func bind(_ socket: ListeningSocket, _ bootstrap: ServerBootstrap) async throws -> any Channel {
        switch socket {
        case .address(let host, let port): try await bootstrap.bind(host: host, port: port).get()
        case .unix(let path): try await self.bind(path: path, bootstrap)
        case .descriptor(let descriptor): try await bootstrap.withBoundSocket(descriptor).get()
        }
    }

    /// Listens on a Unix domain socket. A file that a process has left behind is replaced; a socket that is in use, and
    /// what is no socket, is not.
    private func bind(path: String, _ bootstrap: ServerBootstrap) async throws -> any Channel {
        if SocketFile.isSocket(path), try await self.isLeftBehind(path) { unlink(path) }
        let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
        let file = SocketFile(path)
        channel.closeFuture.whenComplete { _ in file.remove() }
        return channel
    }

    /// Whether no process listens on a socket. One that has no room for a connection now, or that this process may not
    /// connect to, is perhaps in use: then binding says what is wrong.
    private func isLeftBehind(_ path: String) async throws -> Bool {
        do {
            let other = try await ClientBootstrap(group: self.group).connect(unixDomainSocketPath: path).get()
            try? await other.close()
        } catch {
            return (error as? IOError)?.errnoCode == ECONNREFUSED
        }
        throw IOError(errnoCode: EADDRINUSE, reason: "another process listens there")
    }

    private func bootstrap(_ group: any EventLoopGroup, isShared: Bool) -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without free descriptors, NIO would try again at once and for ever.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in self.accept(channel) }
        return isShared
            ? bootstrap.serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1) : bootstrap
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let place = self.limiter.admitConnection(from: channel.remoteAddress?.ipAddress) { channel.cut() }
        guard let place else {
            self.logger.info(
                "refused a connection",
                metadata: [
                    "reason": "too many connections", "status": "503",
                    "address": "\(channel.remoteAddress?.text ?? "-")",
                ])
            RefusalCounter.count(status: 503)
            return self.refuse(channel)
        }
        channel.closeFuture.whenComplete { _ in place.end() }
        self.channels.opened(channel)
        // `abort()` reads the channels after it has set the flag, and this reads the flag after the channel was added.
        guard !self.isAborted.load(ordering: .sequentiallyConsistent) else { return channel.close() }
        return self.protocols.setup(channel, self.logger, place) { value in
            // A connection that upgrades at once has no task; its value is no longer needed once the stream has
            // delivered it.
            self.continuation.yield(value)
        }
    }

    /// Tells a client that there are too many connections, unless too many are being told.
    private func refuse(_ channel: any Channel) -> EventLoopFuture<Void> {
        let count = self.refusalCount.add(1, ordering: .relaxed).newValue
        channel.closeFuture.whenComplete { _ in self.refusalCount.subtract(1, ordering: .relaxed) }
        guard !self.protocols.isSecure, count <= Self.refusalsAtOnce else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(OverloadHandler())
        }
    }

    /// Serves connections until ``finish()``, and returns when the last has ended.
    package func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await value in self.values {
                    group.addTask { await self.protocols.handle(value, self.logger) }
                }
            }
            await self.channels.allClosed()
        } onCancel: {
            self.continuation.finish()
            self.abort()
        }
    }

    /// Closes WebSockets and streams in batches of random size, so that their clients do not all reconnect at once.
    ///
    /// - Parameters:
    ///   - retry: the range from which each client is given a random time to wait, in milliseconds.
    ///   - clients: counts those that are left.
    ///   - alongside: called before each batch with the share of everything left that is to end with it.
    package func drain(
        over time: Duration, retry: ClosedRange<Int>, clients: () -> Int, alongside: (_ share: Double) -> Void
    ) async {
        var plan = DrainPlan(over: .nanoseconds(Int64(time / .nanoseconds(1))))
        var waiting = self.channels.all.shuffled()
        while let batch = plan.next(), clients() > 0 {
            alongside(batch.share)
            let count = batch.count(of: waiting.count)
            for channel in waiting.suffix(count) {
                channel.pipeline.fireUserInboundEventTriggered(ServerRestartEvent(retry: Int.random(in: retry)))
            }
            waiting.removeLast(count)
            guard !batch.isLast else { return }
            guard (try? await Task.sleep(for: .nanoseconds(DrainPlan.step.nanoseconds))) != nil else { return }
            waiting.removeAll { !$0.isActive }
        }
    }

    /// Ends the remaining connections: WebSockets with 1001, plain connections when their requests are answered, and
    /// those that are still open after `time` at once.
    package func finish(within time: TimeAmount) {
        for channel in self.channels.all {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        self.continuation.finish()
        self.group.next().scheduleTask(in: time) { self.abort() }
    }

    private func abort() {
        self.isAborted.store(true, ordering: .sequentiallyConsistent)
        for channel in self.channels.all { channel.cut() }
    }
}
