import MartletPush
import MartletService

/// The figures of now for the overview: numbers only, as `/metrics` shows them. What names users is in ``ConsoleDetails``.
struct ConsoleFigures: Encodable {
    /// A figure for each transport, by its name.
    typealias ByTransport = [String: Int]

    /// A figure and its limit; without one there is none, or it is unknown.
    struct Limited: Encodable {
        let count: Int
        let limit: Int?
    }

    struct Processor: Encodable {
        /// Processors that were busy in the last second: 1 is one of them.
        let busy: Double?
        /// Processors that the process may use.
        let limit: Int?
    }

    struct DeliveryTimes: Encodable {
        /// Upper ends of the classes, in seconds; the last class has none.
        let bounds: [Double]
        /// Publications in each class since the start.
        let counts: [Int]
        /// The percentiles of the last minute.
        let lastMinute: DeliveryPercentiles
    }

    struct Bytes: Encodable {
        let sent: Int
        let received: Int
    }

    let version: String
    /// The name of the machine.
    let node: String
    /// The time of the start, in seconds since 1970.
    let startedAt: Double
    /// The time since the start, in seconds.
    let uptime: Double
    let sessions: ByTransport
    let sessionLimit: Limited
    let connections: Limited
    let descriptors: Limited
    /// The memory of the process, in bytes.
    let memory: Limited
    let processor: Processor
    let users: Int
    let channels: Int
    let pushes: Int
    let failedPushes: Int
    let deliveries: ByTransport
    let slowConsumers: ByTransport
    let droppedMessages: Int
    let refusedPushes: Int
    let refusedRegistrations: Int
    let refusedSessions: Int
    let rateLimited: Int
    let expiredTokens: Int
    /// Sessions that were disconnected on request.
    let disconnected: Int
    /// The counts of the last second, by the name of the figure.
    let perSecond: [String: Double]
    /// Bytes of WebSockets.
    let bytes: Bytes
    /// Closed WebSockets by close code.
    let closes: [String: Int]
    /// Refusals by reason.
    let refusals: [String: Int]
    /// Opening handshakes and event streams that were refused, by status.
    let refusedHandshakes: [String: Int]
    let deliveryTimes: DeliveryTimes

    /// - Parameter startedAt: seconds since 1970.
    init(_ live: LiveConfiguration, _ sampler: FigureSampler, startedAt: Double, uptime: Double) {
        let service = live.service
        let counters = service.counters
        self.version = Version.current
        self.node = HostName.current
        self.startedAt = startedAt
        self.uptime = uptime
        self.sessions = Self.byTransport { counters[.sessions($0)] }
        self.sessionLimit = Limited(count: live.connections.clientCount, limit: live.sessionLimit)
        let most = live.connections.maximumTotal ?? .max
        self.connections = Limited(count: live.connections.count, limit: most == .max ? nil : most)
        self.descriptors = Limited(count: ProcessUsage.descriptors, limit: live.descriptorLimit)
        let memory = ProcessUsage.memoryLimit
        self.memory = Limited(count: ProcessUsage.memory, limit: memory > 0 ? memory : nil)
        self.processor = Processor(busy: sampler.latest(.cpu), limit: ProcessUsage.processors)
        self.users = service.userCount
        self.channels = service.channelCount
        self.pushes = counters[.pushes]
        self.failedPushes = counters[.failedPushes]
        self.deliveries = Self.byTransport { counters[.deliveries($0)] }
        self.slowConsumers = Self.byTransport { counters[.slowConsumers($0)] }
        self.droppedMessages = counters[.droppedMessages]
        self.refusedPushes = counters[.refusedPushes]
        self.refusedRegistrations = counters[.refusedRegistrations]
        self.refusedSessions = counters[.refusedSessions]
        self.rateLimited = counters[.rateLimited]
        self.expiredTokens = counters[.expiredTokens]
        self.disconnected = counters[.drops]
        self.perSecond = Dictionary(
            uniqueKeysWithValues: Figure.allCases.filter(\.isCount).compactMap { figure in
                sampler.latest(figure).map { (figure.name, $0) }
            })
        self.bytes = Bytes(sent: FigureTotals.bytes("sent"), received: FigureTotals.bytes("received"))
        self.closes = Dictionary(
            uniqueKeysWithValues: counters.closes.byCode.map { (String($0.key), $0.value) })
        self.refusals = Dictionary(
            uniqueKeysWithValues: RefusalReason.allCases.filter { counters.refusals[$0] > 0 }.map {
                ($0.text, counters.refusals[$0])
            })
        self.refusedHandshakes = PrometheusMetrics.shared.counts(
            of: "websocket_handshakes_refused_total", by: "status")
        self.deliveryTimes = .init(
            bounds: MartletPush.DeliveryTimes.bounds, counts: service.deliveryTimes.classes,
            lastMinute: sampler.lastMinute)
    }

    private static func byTransport(_ count: (SessionTransport) -> Int) -> ByTransport {
        Dictionary(uniqueKeysWithValues: SessionTransport.allCases.map { ($0.rawValue, count($0)) })
    }
}
