import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletWebSocket
import NIOCore
import Synchronization

/// The demo of the console: one simulated price, to be watched by polling, long polling, server-sent events and
/// WebSocket. It has a push service of its own, so that the figures of the real one are not touched. The price moves
/// while a client watches.
final class Demo: Sendable {
    private struct State {
        var feed = CandleFeed()
        var isRunning = false
        var lastAsked = NIODeadline.distantPast
    }

    /// The data with which the page begins.
    private struct Beginning: Encodable {
        /// The current time, in milliseconds since 1970.
        let now: Int
        /// Bytes of the request's head: the page cannot see what its browser sends.
        let head: Int
        /// Milliseconds of a candle.
        let length: Int
        /// The token for the feed of this process.
        let token: String
        let candles: [Candle]
    }

    static let webSocketPath = "/demo/ws"
    static let eventsPath = "/demo/sse"
    static let pollPath = "/demo/poll"
    static let event = "candles"
    private static let user = "demo"
    /// Clients at once, of which each page has four: the demo takes no connections from the clients of the service.
    /// With few descriptors there are fewer.
    private static let connections = 200
    private static let connectionsPerAddress = 40
    /// The time after the last request for which the price moves on when no client is connected.
    private static let patience = TimeAmount.seconds(15)

    /// The token, which only the page is given, so that the demo is for those who may see the console.
    private let token = (0..<4).map { _ in String(UInt64.random(in: 0...(.max)), radix: 36) }.joined()
    let live: LiveConfiguration
    private let service: PushService
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    /// - Parameter configuration: of the service that the demo runs beside.
    init(beside configuration: PushServerConfiguration, group: any EventLoopGroup, logger: Logger) {
        let own = Self.configuration(beside: configuration, self.token)
        self.service = PushService(
            group: group, hooks: own.hooks, limits: own.limits, heartbeat: own.eventStreams.heartbeatInterval,
            logger: logger)
        self.live = LiveConfiguration(own, service: self.service)
        self.eventLoop = group.next()
    }

    /// Applies changes of the service's configuration.
    func follow(_ configuration: PushServerConfiguration) {
        self.live.replace(Self.configuration(beside: configuration, self.token))
    }

    private static func configuration(
        beside configuration: PushServerConfiguration, _ token: String
    ) -> PushServerConfiguration {
        var own = PushServerConfiguration()
        own.origin = configuration.origin.or(.sameHost)
        own.isOpenBeyondLoopback = !configuration.wantsLoopbackHost
        own.trustedProxies = configuration.trustedProxies
        own.tls = configuration.tls
        own.eventStreams = configuration.eventStreams
        own.eventStreams.eventsPath = Self.eventsPath
        own.eventStreams.pollPath = Self.pollPath
        own.webSocketPath = Self.webSocketPath
        own.limits.sessionsPerUser = Self.connections
        own.clients.connections = min(Self.connections, max(DescriptorBudget().connections / 32, 4))
        own.clients.connectionsPerAddress = Self.connectionsPerAddress
        own.hooks.authenticate = { question in
            ConstantTime.equals(question.token, token) && question.events == [Self.event] ? PushUser(Self.user) : nil
        }
        return own
    }

    /// Returns the endpoint for a WebSocket of the demo; `nil` for other requests.
    func endpoint(for request: HTTPRequest) -> WebSocketEndpoint? {
        guard RequestPath.isSame(request.path, Self.webSocketPath) else { return nil }
        return self.live.now.endpoint
    }

    /// - Parameter refusal: gives the answer to a request that may not see the console.
    func add(
        to router: Router<ServiceRequestContext>,
        refusal: @escaping @Sendable (Request, ServiceRequestContext) async -> Response?
    ) {
        router.get("/demo/state") { request, context in
            if let refusal = await refusal(request, context) { return refusal }
            let candles = self.state.withLock { state in
                state.lastAsked = .now()
                if !state.isRunning {
                    state.isRunning = true
                    state.feed.tick(at: Self.now())
                    self.run()
                }
                return state.feed.candles
            }
            return try ConsoleRoutes.json(
                Beginning(
                    now: Self.now(), head: Self.size(of: request.head), length: CandleFeed.milliseconds,
                    token: self.token, candles: candles))
        }
    }

    private static func now() -> Int { Int(Date().timeIntervalSince1970 * 1000) }

    /// Returns the bytes of a head in HTTP/1.1: a line for the request, one for the host and each field, an empty one.
    private static func size(of head: HTTPRequest) -> Int {
        let line = head.method.rawValue.utf8.count + (head.path?.utf8.count ?? 1) + 12
        let host = (head.authority?.utf8.count ?? 0) + 8
        return head.headerFields.reduce(line + host + 2) {
            $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 4
        }
    }

    private func run() {
        let tick = TimeAmount.milliseconds(Int64(CandleFeed.tickMilliseconds))
        self.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { [weak self] task in
            guard let self, self.tick() else { return task.cancel() }
        }
    }

    /// - Returns: whether a client watches, or did so a moment ago.
    private func tick() -> Bool {
        let now = Self.now()
        let counters = self.service.counters
        let isWatched = counters[.sessions] + counters[.eventStreams] + counters[.polls] > 0
        let tick = self.state.withLock { state -> CandleTick? in
            guard isWatched || NIODeadline.now() - state.lastAsked < Self.patience else {
                state.isRunning = false
                return nil
            }
            state.feed.tick(at: now)
            return state.feed.candles.last.map { CandleTick(at: now, tick: state.feed.tickCount, candle: $0) }
        }
        guard let tick else { return false }
        let text = (try? JSONEncoder().encode(tick)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        self.service.publish(PushMessage(user: Self.user, event: Self.event, message: text)) { _ in }
        return true
    }
}
