import MartletPush
import MartletWebSocket

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
        (
            .uncheckedTokens, "martlet_tokens_unchecked_total",
            "Tokens that could not be checked, since what checks them could not be asked."
        ),
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
    /// The certificates that TLS is served with.
    let certificates: [ServerTLS]

    /// Makes the metrics of the libraries below exist from the start.
    static func describe() {
        PrometheusMetrics.shared.describe(
            WebSocketMetrics.connections([.server]) + [WebSocketMetrics.refusals, WebSocketMetrics.stalledAnswers])
    }

    func text() -> String {
        let counters = self.service.counters
        var text = ProcessMetrics.text() + CertificateMetrics.text(self.certificates)
        text += PrometheusText.heading("martlet_channels", "gauge", "Channels that have subscribers.")
        text += "martlet_channels \(self.service.channelCount)\n"
        for (counter, name, type, help) in Self.byTransport {
            text += PrometheusText.heading(name, type, help)
            for transport in SessionTransport.allCases {
                text += "\(name){transport=\"\(transport.rawValue)\"} \(counters[counter(transport)])\n"
            }
        }
        for (counter, name, help) in Self.counters {
            text += PrometheusText.heading(name, "counter", help) + "\(name) \(counters[counter])\n"
        }
        return text + self.deliveryTimes + PrometheusMetrics.shared.text()
    }

    /// The histogram of delivery times with every other class: two to an octave are enough for a histogram that is
    /// stored elsewhere.
    private var deliveryTimes: String {
        let name = "martlet_delivery_seconds"
        var text = PrometheusText.heading(name, "histogram", "Time from a push to the last session that took it.")
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
