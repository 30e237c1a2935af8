import MartletPush

/// What the charts of the console are made of: counts since the start, from whose differences the page works out what
/// happened in a second.
struct ConsoleFigures: Encodable {
    /// By what carries them.
    struct ByTransport: Encodable {
        let websocket: Int
        let sse: Int
        let poll: Int
    }

    struct DeliveryTimes: Encodable {
        /// Upper ends of the classes, in seconds; the last class has none.
        let bounds: [Double]
        /// Publications in each class.
        let counts: [Int]
    }

    let version: String
    /// Seconds.
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
        self.sessions = .init(
            websocket: counters[.sessions], sse: counters[.eventStreams], poll: counters[.polls])
        self.channels = service.channelCount
        self.pushes = counters[.pushes]
        self.deliveries = .init(
            websocket: counters[.webSocketDeliveries], sse: counters[.eventStreamDeliveries],
            poll: counters[.pollDeliveries])
        self.slowConsumers = .init(
            websocket: counters[.slowWebSockets], sse: counters[.slowEventStreams], poll: 0)
        self.droppedMessages = counters[.droppedMessages]
        self.refusedPushes = counters[.refusedPushes]
        self.refusedRegistrations = counters[.refusedRegistrations]
        self.rateLimited = counters[.rateLimited]
        self.deliveryTimes = .init(
            bounds: MartletPush.DeliveryTimes.bounds, counts: service.deliveryTimes.classes)
    }
}
