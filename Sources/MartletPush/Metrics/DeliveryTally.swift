/// Deliveries of one batch, to be counted at once: a counter that several threads use costs more than an addition.
struct DeliveryTally {
    private var webSockets = 0
    private var eventStreams = 0
    private var polls = 0

    mutating func count(_ deliveries: Int, _ transport: SessionCarrier.Transport) {
        switch transport {
        case .websocket: self.webSockets += deliveries
        case .sse: self.eventStreams += deliveries
        case .poll: self.polls += deliveries
        }
    }

    func add(to counters: PushCounters) {
        if self.webSockets > 0 { counters.add(self.webSockets, to: .webSocketDeliveries) }
        if self.eventStreams > 0 { counters.add(self.eventStreams, to: .eventStreamDeliveries) }
        if self.polls > 0 { counters.add(self.polls, to: .pollDeliveries) }
    }
}
