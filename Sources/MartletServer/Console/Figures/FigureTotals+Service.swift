import MartletPush
import MartletService
import MartletWebSocket

extension FigureTotals {
    /// Reads the figures of a service and of its process.
    init(_ live: LiveConfiguration) {
        let service = live.service
        self.init(deliveryTimes: service.deliveryTimes.classes)
        let counters = service.counters
        let counts: [(Figure, PushCounters.Name)] = [
            (.webSocketSessions, .sessions), (.streamSessions, .eventStreams), (.pollSessions, .polls),
            (.pushes, .pushes), (.failedPushes, .failedPushes), (.webSocketDeliveries, .webSocketDeliveries),
            (.streamDeliveries, .eventStreamDeliveries), (.pollDeliveries, .pollDeliveries),
            (.slowWebSockets, .slowWebSockets), (.slowStreams, .slowEventStreams),
            (.droppedMessages, .droppedMessages), (.refusedPushes, .refusedPushes),
            (.refusedRegistrations, .refusedRegistrations), (.refusedSessions, .refusedSessions),
            (.rateLimited, .rateLimited),
        ]
        for (figure, name) in counts { self[figure] = Double(counters[name]) }
        self[.connections] = Double(live.connections.count)
        self[.users] = Double(service.userCount)
        self[.channels] = Double(service.channelCount)
        self[.memory] = Double(ProcessUsage.memory)
        self[.cpu] = ProcessUsage.processorTime
        self[.bytesSent] = Double(Self.bytes("sent"))
        self[.bytesReceived] = Double(Self.bytes("received"))
    }

    /// Bytes of the process's WebSockets, which the library counts.
    static func bytes(_ direction: String) -> Int {
        PrometheusMetrics.shared.counts(of: "websocket_bytes_\(direction)_total", by: "role")["server"] ?? 0
    }
}
