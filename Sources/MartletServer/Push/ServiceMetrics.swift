import MartletPush

/// What `/metrics` answers: the service's own figures, and what the libraries below measure.
struct ServiceMetrics: Sendable {
    private static let counters: [(PushCounters.Name, String, String)] = [
        (.registrations, "martlet_registrations_total", "Events that clients registered for."),
        (.refusedRegistrations, "martlet_registrations_refused_total", "Registrations that were refused."),
        (.pushes, "martlet_pushes_total", "Pushes that were accepted."),
        (.refusedPushes, "martlet_pushes_refused_total", "Requests to the API that were refused."),
        (.drops, "martlet_drops_total", "Connections that the back end dropped."),
        (.droppedMessages, "martlet_messages_dropped_total", "Messages that slow clients did not get."),
        (.refusedSessions, "martlet_sessions_refused_total", "Sessions and polls that were too many."),
        (.rateLimited, "martlet_rate_limited_total", "Pushes, polls and messages of clients that came too often."),
        (.expiredTokens, "martlet_tokens_expired_total", "Connections closed because their token ran out."),
    ]

    let service: PushService

    func text() -> String {
        let counters = self.service.counters
        var text = """
            # HELP martlet_build_info The version that runs.
            # TYPE martlet_build_info gauge
            martlet_build_info{version="\(Version.current)"} 1
            # HELP martlet_sessions Clients that are connected.
            # TYPE martlet_sessions gauge
            martlet_sessions{transport="websocket"} \(counters[.sessions])
            martlet_sessions{transport="sse"} \(counters[.eventStreams])
            martlet_sessions{transport="poll"} \(counters[.polls])
            # HELP martlet_channels User channels that somebody is registered for.
            # TYPE martlet_channels gauge
            martlet_channels \(self.service.channelCount)
            # HELP martlet_deliveries_total Messages that a connection took.
            # TYPE martlet_deliveries_total counter
            martlet_deliveries_total{transport="websocket"} \(counters[.webSocketDeliveries])
            martlet_deliveries_total{transport="sse"} \(counters[.eventStreamDeliveries])
            martlet_deliveries_total{transport="poll"} \(counters[.pollDeliveries])
            # HELP martlet_slow_consumers_total Connections closed because they read too slowly.
            # TYPE martlet_slow_consumers_total counter
            martlet_slow_consumers_total{transport="websocket"} \(counters[.slowWebSockets])
            martlet_slow_consumers_total{transport="sse"} \(counters[.slowEventStreams])

            """
        for (counter, name, help) in Self.counters {
            text += "# HELP \(name) \(help)\n# TYPE \(name) counter\n\(name) \(counters[counter])\n"
        }
        return text + self.deliveryTimes + PrometheusMetrics.shared.text()
    }

    /// Every other class: two to an octave are enough for a histogram that is stored elsewhere.
    private var deliveryTimes: String {
        let name = "martlet_delivery_seconds"
        var text = "# HELP \(name) From a push to the last session that it was for.\n# TYPE \(name) histogram\n"
        var total = 0
        let classes = self.service.deliveryTimes.classes
        for (index, count) in classes.enumerated() {
            total += count
            if index == classes.count - 1 {
                text += "\(name)_bucket{le=\"+Inf\"} \(total)\n"
            } else if index.isMultiple(of: 2) {
                text += "\(name)_bucket{le=\"\(DeliveryTimes.bounds[index])\"} \(total)\n"
            }
        }
        return text + "\(name)_sum \(self.service.deliveryTimes.sum)\n\(name)_count \(total)\n"
    }
}
