import HTTPTypes
import Logging
import MartletAuth
import MartletPush
import MartletWebSocket
import NIOCore
import NIOHTTP1
import Synchronization

/// The configuration in force: it can be replaced while the service runs.
final class LiveConfiguration: Sendable {
    /// The values that requests look at, made once for a configuration.
    final class Snapshot: Sendable {
        let configuration: PushServerConfiguration
        let endpoint: WebSocketEndpoint
        let origin: OriginPolicy
        /// The origin policy for streams and polls: a page of this host sends no `Origin` with them, so the host itself must be
        /// ours.
        let streamOrigin: OriginPolicy

        init(
            _ configuration: PushServerConfiguration, _ service: PushService, _ connections: ConnectionLimiter
        ) {
            self.configuration = configuration
            self.origin = configuration.effectiveOrigin
            self.streamOrigin = self.origin.and(
                .custom { [wantsLoopback = configuration.wantsLoopbackHost] _, request in
                    !wantsLoopback || PushServerConfiguration.isLoopback(request.authority)
                })
            var webSocket = PushService.defaultConfiguration
            webSocket.messageTimeout = configuration.messageTimeout
            if configuration.compressesMessages { webSocket.compression = CompressionConfiguration() }
            var endpoint = service.endpoint(origin: self.origin, configuration: webSocket)
            endpoint.connectionLimiter = connections
            self.endpoint = endpoint
        }
    }

    let service: PushService
    /// WebSockets, streams and polls.
    let connections: ConnectionLimiter
    /// The connections of the listener for operators.
    let operatorConnections: ConnectionLimiter
    /// The rate of pushes by the name of the API key; without keys all are one.
    let pushes: RateLimiter
    /// Slows down addresses that show wrong API keys.
    let keyGuard = KeyGuard()
    private let seenConnections = SeenConnections()
    private let budget: DescriptorBudget
    private let snapshot: Mutex<Snapshot>
    private let addresses = Mutex<[ListenAddress]>([])

    init(_ configuration: PushServerConfiguration, service: PushService) {
        let budget = DescriptorBudget()
        self.budget = budget
        self.service = service
        self.operatorConnections = ConnectionLimiter(total: budget.operators)
        self.connections = ConnectionLimiter(
            total: configuration.admin == nil ? budget.connections : budget.connections - budget.operators,
            clients: budget.clients(configuration.clients.connections),
            perAddress: configuration.clients.connectionsPerAddress, rate: configuration.clients.connectionRate)
        self.pushes = RateLimiter(configuration.pushRate)
        self.snapshot = Mutex(Snapshot(configuration, service, self.connections))
    }

    /// Says when the system allows fewer clients than were asked for, or few.
    func warn(_ logger: Logger) {
        if self.configuration.origin.allowsNull {
            logger.warning("the origin null is allowed: any page can have it, from a file or a sandboxed frame")
        }
        for name in self.configuration.apiKeys?.shortNames ?? [] {
            logger.warning(
                "an API key has fewer than \(APIKeys.safeLength) bytes: it could be guessed",
                metadata: ["key": "\(name)"])
        }
        let allowed = self.budget.clients(nil)
        if let asked = self.configuration.clients.connections, asked > allowed {
            logger.warning(
                "limits.connections is more than the limit of descriptors allows",
                metadata: ["asked": "\(asked)", "allowed": "\(allowed)"])
        } else if allowed < 100 {
            logger.warning(
                "the limit of descriptors (ulimit -n) allows few clients", metadata: ["allowed": "\(allowed)"])
        }
    }

    /// Notes that a request that may push came on a connection.
    ///
    /// - Returns: the seconds after which it may come again; `nil` if it is let in.
    func refusal(ofRightKeyIn head: HTTPRequestHead, on channel: any Channel) -> Int? {
        // A connection is looked at once, and again while wrong keys come.
        let isNew = self.seenConnections.isNew(channel)
        if isNew { channel.pipeline.fireUserInboundEventTriggered(ProvedEvent()) }
        guard isNew || !self.keyGuard.isQuiet else { return nil }
        let configuration = self.configuration
        guard configuration.apiKeys != nil else { return nil }
        let address = configuration.trustedProxies.client(
            of: head, peer: channel.remoteAddress, isSecure: configuration.tls != nil
        ).address
        let shown = APIKeys.shown(by: head.headers)
        if let seconds = self.keyGuard.refusal(of: address, showing: shown) { return seconds }
        self.keyGuard.wasRight(address, showing: shown)
        return nil
    }

    /// The greatest number of sessions; `nil` when there is no limit.
    var sessionLimit: Int? {
        let limit = self.budget.clients(self.configuration.clients.connections)
        return limit == .max ? nil : limit
    }

    /// The greatest number of descriptors; `nil` when it is unknown.
    var descriptorLimit: Int? { self.budget.descriptors == 0 ? nil : self.budget.descriptors }

    var now: Snapshot { self.snapshot.withLock { $0 } }
    var configuration: PushServerConfiguration { self.now.configuration }

    /// The addresses of sockets that were handed over.
    var handedOver: [ListenAddress] { self.addresses.withLock { $0 } }

    func wasHandedOver(_ address: ListenAddress) { self.addresses.withLock { $0.append(address) } }

    /// Takes what can change without a restart.
    func replace(_ configuration: PushServerConfiguration) {
        self.service.update(hooks: configuration.hooks, limits: configuration.limits)
        self.connections.setLimits(
            clients: self.budget.clients(configuration.clients.connections),
            perAddress: configuration.clients.connectionsPerAddress, rate: configuration.clients.connectionRate)
        self.pushes.setLimit(configuration.pushRate)
        let snapshot = Snapshot(configuration, self.service, self.connections)
        self.snapshot.withLock { $0 = snapshot }
    }
}
