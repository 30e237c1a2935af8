import MartletPush

/// The answer to `/metrics`: the service's own figures, and what the libraries below measure.
struct ServiceMetrics: Sendable {
    private static let counters: [(PushCounters.Name, String, String)] = [
        (.registrations, "martlet_registrations_total", "Events that clients subscribed to."),
        (.refusedRegistrations, "martlet_registrations_refused_total", "Subscriptions that were refused."),
        (.pushes, "martlet_pushes_total", "Pushes that were understood, and handed to the broker."),
        (.failedPushes, "martlet_pushes_failed_total", "Pushes that the broker did not confirm."),
        (.refusedPushes, "martlet_pushes_refused_total", "Requests to the API that were refused."),
        (.drops, "martlet_drops_total", "Sessions that the back end disconnected."),
        (.droppedMessages, "martlet_messages_dropped_total", "Messages dropped because a client reads too slowly."),
        (.refusedSessions, "martlet_sessions_refused_total", "Sessions and polls refused because of a limit."),
        (.rateLimited, "martlet_rate_limited_total", "Pushes, polls and messages of clients that came too often."),
        (.expiredTokens, "martlet_tokens_expired_total", "Sessions ended because their token expired."),
    ]

    private static let byTransport:
        [(counter: @Sendable (SessionTransport) -> PushCounters.Name, name: String, type: String, help: String)] = [
            ({ .sessions($0) }, "martlet_sessions", "gauge", "Sessions that are open."),
            ({ .deliveries($0) }, "martlet_deliveries_total", "counter", "Messages that sessions took."),
            (
                { .slowConsumers($0) }, "martlet_slow_consumers_total", "counter",
                "Sessions ended because their clients read too slowly."
            ),
        ]

    let service: PushService

    func text() -> String {
        let counters = self.service.counters
        var text = """
            # HELP martlet_build_info The version that runs.
            # TYPE martlet_build_info gauge
            martlet_build_info{version="\(Version.current)"} 1
            # HELP martlet_channels Channels that have subscribers.
            # TYPE martlet_channels gauge
            martlet_channels \(self.service.channelCount)

            """
        for (counter, name, type, help) in Self.byTransport {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for transport in SessionTransport.allCases {
                text += "\(name){transport=\"\(transport.rawValue)\"} \(counters[counter(transport)])\n"
            }
        }
        for (counter, name, help) in Self.counters {
            text += "# HELP \(name) \(help)\n# TYPE \(name) counter\n\(name) \(counters[counter])\n"
        }
        return text + self.deliveryTimes + PrometheusMetrics.shared.text()
    }

    /// The histogram of delivery times with every other class: two to an octave are enough for a histogram that is
    /// stored elsewhere.
    private var deliveryTimes: String {
        let name = "martlet_delivery_seconds"
        var text = "# HELP \(name) Time from a push to the last session that took it.\n# TYPE \(name) histogram\n"
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
