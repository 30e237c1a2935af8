import MartletPush

/// The figures for the charts of the console: counts since the start, from whose differences the page works out what
/// happened in a second.
struct ConsoleFigures: Encodable {
    /// A figure for each transport, by its name.
    typealias ByTransport = [String: Int]

    struct DeliveryTimes: Encodable {
        /// Upper ends of the classes, in seconds; the last class has none.
        let bounds: [Double]
        /// Publications in each class.
        let counts: [Int]
    }

    let version: String
    /// The time since the start, in seconds.
    let uptime: Double
    let sessions: ByTransport
    let channels: Int
    let pushes: Int
    let deliveries: ByTransport
    let slowConsumers: ByTransport
    let droppedMessages: Int
    let refusedPushes: Int
    let refusedRegistrations: Int
    let rateLimited: Int
    let deliveryTimes: DeliveryTimes

    init(_ service: PushService, uptime: Double) {
        let counters = service.counters
        self.version = Version.current
        self.uptime = uptime
        self.sessions = Self.byTransport { counters[.sessions($0)] }
        self.channels = service.channelCount
        self.pushes = counters[.pushes]
        self.deliveries = Self.byTransport { counters[.deliveries($0)] }
        self.slowConsumers = Self.byTransport { counters[.slowConsumers($0)] }
        self.droppedMessages = counters[.droppedMessages]
        self.refusedPushes = counters[.refusedPushes]
        self.refusedRegistrations = counters[.refusedRegistrations]
        self.rateLimited = counters[.rateLimited]
        self.deliveryTimes = .init(
            bounds: MartletPush.DeliveryTimes.bounds, counts: service.deliveryTimes.classes)
    }

    private static func byTransport(_ count: (SessionTransport) -> Int) -> ByTransport {
        Dictionary(uniqueKeysWithValues: SessionTransport.allCases.map { ($0.rawValue, count($0)) })
    }
}
