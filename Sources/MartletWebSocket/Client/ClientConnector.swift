import HTTPTypes
import MartletProtocol
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import NIOSOCKS
import NIOSSL

/// One attempt to open a WebSocket: TCP or Unix socket, proxy, TLS, opening handshake. Runs on one event loop.
final class ClientConnector: Sendable {
    private let url: WebSocketURL
    private let proxy: WebSocketProxy?
    private let configuration: WebSocketClient.Configuration
    private let tls: ClientTLS
    /// Whether a redirect from another origin led here.
    private let isForeign: Bool
    private let eventLoop: any EventLoop

    init(
        url: WebSocketURL, proxy: WebSocketProxy?, configuration: WebSocketClient.Configuration, tls: ClientTLS,
        isForeign: Bool, eventLoop: any EventLoop
    ) {
        self.url = url
        self.proxy = proxy
        self.configuration = configuration
        self.tls = tls
        self.isForeign = isForeign
        self.eventLoop = eventLoop
    }

    /// Opens the connection; the promise fails early when `deadline` passes or ``WebSocketClient`` gives up.
    ///
    /// - Parameter opened: succeeds once the WebSocket is in place.
    func connect(
        handshake: ClientHandshake, request: HTTPRequest, deadline: NIODeadline,
        makeHandler: @escaping @Sendable (any EventLoop) -> any WebSocketHandler,
        opened: EventLoopPromise<HTTPResponse>
    ) {
        let timer = self.eventLoop.scheduleTask(deadline: deadline) {
            opened.fail(WebSocketError(.timeout, reason: "\(self.url.authority) was not reached in time"))
        }
        self.connectTransport().whenComplete { result in
            switch result {
            case .failure(let error):
                opened.fail(
                    WebSocketError(.connectFailed, reason: "cannot connect to \(self.destination)", cause: error))
            case .success(let channel):
                // A failure, such as a timeout, ends the connection as well.
                opened.futureResult.whenFailure { _ in channel.close(promise: nil) }
                let handshakeDeadline = NIODeadline.now() + self.configuration.handshakeTimeout
                self.passProxy(channel, deadline: handshakeDeadline)
                    .flatMapThrowing { try self.startTLS(channel) }
                    .flatMapThrowing {
                        try ClientUpgradeHandler(
                            handshake: handshake, request: request,
                            isPlainTCP: !self.url.isSecure && self.proxy?.kind != .https,
                            configuration: self.configuration, deadline: handshakeDeadline, makeHandler: makeHandler,
                            opened: opened
                        ).install(on: channel)
                    }
                    .whenFailure { error in
                        opened.fail(
                            error as? WebSocketError
                                ?? WebSocketError(
                                    .connectFailed, reason: "cannot connect to \(self.destination)", cause: error))
                    }
            }
        }
        opened.futureResult.whenComplete { _ in timer.cancel() }
    }

    /// The address that is connected to, for error messages.
    private var destination: String {
        if let path = self.configuration.unixSocketPath { return path }
        guard let proxy = self.proxy else { return self.url.authority }
        return "the proxy \(proxy.host):\(proxy.port)"
    }

    private func connectTransport() -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: self.eventLoop).connectTimeout(self.configuration.connectTimeout)
        if let path = self.configuration.unixSocketPath { return bootstrap.connect(unixDomainSocketPath: path) }
        let tcp = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        if let proxy = self.proxy { return tcp.connect(host: proxy.host, port: proxy.port) }
        return tcp.connect(host: self.url.host, port: self.url.port)
    }

    // MARK: Proxies

    private func passProxy(_ channel: any Channel, deadline: NIODeadline) -> EventLoopFuture<Void> {
        guard let proxy = self.proxy else { return self.eventLoop.makeSucceededVoidFuture() }
        do {
            switch proxy.kind {
            case .https:
                let handler = try self.tls.makeProxyHandler(serverName: proxy.host)
                try channel.pipeline.syncOperations.addHandler(handler)
                return try self.passHTTPProxy(proxy, channel, deadline)
            case .http: return try self.passHTTPProxy(proxy, channel, deadline)
            case .socks5: return try self.passSOCKSProxy(channel, deadline)
            }
        } catch {
            return self.eventLoop.makeFailedFuture(self.proxyError(error))
        }
    }

    private func proxyError(_ error: any Error) -> WebSocketError {
        WebSocketError(.proxyFailed, reason: "the proxy does not connect to \(self.url.authority)", cause: error)
    }

    private func passHTTPProxy(
        _ proxy: WebSocketProxy, _ channel: any Channel, _ deadline: NIODeadline
    ) throws -> EventLoopFuture<Void> {
        let established = self.eventLoop.makePromise(of: Void.self)
        var headers = HTTPHeaders([("Host", "\(self.bracketedHost):\(self.url.port)")])
        if let credentials = proxy.credentials {
            headers.add(name: "Proxy-Authorization", value: credentials.headerValue)
        }
        let encoder = HTTPRequestEncoder()
        let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes))
        let connect = NIOHTTP1ProxyConnectHandler(
            targetHost: self.bracketedHost, targetPort: self.url.port, headers: headers, deadline: deadline,
            promise: established)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers(encoder, decoder, connect)
        let bound = NIOLoopBound((pipeline, encoder, decoder), eventLoop: self.eventLoop)
        return established.futureResult
            .flatMapErrorThrowing { throw self.proxyError($0) }
            .flatMap {
                // The connect handler has already removed itself.
                let (pipeline, encoder, decoder) = bound.value
                return EventLoopFuture.andAllSucceed(
                    [pipeline.removeHandler(encoder), pipeline.removeHandler(decoder)], on: self.eventLoop)
            }
    }

    private var bracketedHost: String { self.url.host.contains(":") ? "[\(self.url.host)]" : self.url.host }

    private func passSOCKSProxy(_ channel: any Channel, _ deadline: NIODeadline) throws -> EventLoopFuture<Void> {
        let established = self.eventLoop.makePromise(of: Void.self)
        let address = try? SocketAddress(ipAddress: self.url.host, port: self.url.port)
        let socks = SOCKSClientHandler(
            targetAddress: address.map { .address($0) } ?? .domain(self.url.host, port: self.url.port))
        let waiter = SOCKSWaiter(established: established, deadline: deadline)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers(socks, waiter)
        let bound = NIOLoopBound((pipeline, socks, waiter), eventLoop: self.eventLoop)
        return established.futureResult
            .flatMapErrorThrowing { throw self.proxyError($0) }
            .flatMap {
                let (pipeline, socks, waiter) = bound.value
                return EventLoopFuture.andAllSucceed(
                    [pipeline.removeHandler(waiter), pipeline.removeHandler(socks)], on: self.eventLoop)
            }
    }

    // MARK: TLS

    private func startTLS(_ channel: any Channel) throws {
        guard self.url.isSecure else { return }
        do {
            // After a redirect to another origin, neither the client's certificate nor the name of the first server is
            // used.
            let serverName = self.isForeign ? nil : self.configuration.tlsServerName
            let handler = try self.tls.makeHandler(
                serverName: serverName ?? self.url.host, peer: channel.remoteAddress, isForeign: self.isForeign)
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            throw WebSocketError(.tlsFailed, reason: "TLS to \(self.url.authority) cannot be set up", cause: error)
        }
    }
}
