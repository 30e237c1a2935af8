import MartletWebSocket
import NIOCore
import Synchronization

/// One server of an upstream, as all event loops see it.
final class Endpoint: Sendable {
    let url: UpstreamURL
    let weight: Int
    /// Its URL as text.
    let name: String
    /// The server's address, if it is reached over plain TCP and no name has to be looked up; otherwise `nil`.
    let directAddress: SocketAddress?
    /// Whether ``directAddress`` is on this machine.
    let isLoopback: Bool
    /// The number of requests and tunnels under way. A reload keeps it, since those from before it end on their own.
    private final class ActiveCount: Sendable { let value = Atomic(0) }

    private let settings: UpstreamConfiguration
    private let activeCount: ActiveCount
    private let health: Mutex<EndpointHealth>

    /// - Parameter previous: the same server before a reload.
    init(
        _ endpoint: UpstreamConfiguration.Endpoint, _ settings: UpstreamConfiguration, previous: Endpoint? = nil
    ) {
        self.url = endpoint.url
        self.name = endpoint.url.description
        self.weight = endpoint.weight
        self.directAddress =
            endpoint.url.isSecure
            ? nil : try? SocketAddress(ipAddress: endpoint.url.host, port: endpoint.url.port)
        self.isLoopback = self.directAddress.map(LoopbackSocket.isLoopback) ?? false
        self.settings = settings
        self.activeCount = previous?.activeCount ?? ActiveCount()
        self.health = Mutex(
            EndpointHealth(
                settings, previous: previous?.health.withLock { $0 },
                isSameCheck: settings.healthCheck == previous?.settings.healthCheck))
    }

    var active: Int { self.activeCount.value.load(ordering: .relaxed) }
    func began() { self.activeCount.value.add(1, ordering: .relaxed) }
    func ended() { self.activeCount.value.subtract(1, ordering: .relaxed) }

    func isAvailable(at now: NIODeadline) -> Bool { self.health.withLock { $0.isAvailable(at: now) } }

    /// Whether the active checks find the server healthy; `true` without any.
    var isHealthy: Bool { self.health.withLock { $0.isHealthy } }

    /// Returns the server's weight, reduced while it starts slowly.
    func share(at now: NIODeadline) -> Double {
        Double(self.weight) * self.health.withLock { $0.share(at: now) }
    }

    func succeeded() { self.health.withLock { $0.succeeded() } }

    /// - Returns: whether the server is left out from now on.
    func failed(at now: NIODeadline) -> Bool { self.health.withLock { $0.failed(at: now) } }

    /// - Returns: whether that changed anything.
    func checked(isHealthy: Bool, at now: NIODeadline) -> Bool {
        self.health.withLock { $0.checked(isHealthy: isHealthy, at: now) }
    }
}
