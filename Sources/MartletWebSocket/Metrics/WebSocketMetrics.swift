package import MartletProtocol

/// The descriptions of the library's metrics, for a monitoring system that wants to know them beforehand.
package enum WebSocketMetrics {
    /// The close codes that are usual; others get their series when they come.
    private static let codes = [1000, 1001, 1006, 1008, 1009, 1011, 1012, 1013]
    /// The statuses with which opening handshakes are usually refused.
    private static let statuses = [400, 401, 403, 404, 426, 429, 503]

    /// The metrics of connections in these roles, as ``LoopMetrics`` counts them.
    package static func connections(_ roles: [Role]) -> [MetricDescription] {
        let series = roles.map { [("role", LoopMetrics.name(of: $0))] }
        let closes = series.flatMap { role in Self.codes.map { role + [("code", String($0))] } }
        return [
            MetricDescription("websocket.connections", .meter, "WebSockets that are open.", series: series),
            MetricDescription(
                "websocket.connections.opened", .counter, "WebSockets that have been opened.", series: series),
            MetricDescription(
                "websocket.messages.sent", .counter, "Messages that were sent on WebSockets.", series: series),
            MetricDescription(
                "websocket.messages.received", .counter, "Messages that were received on WebSockets.", series: series),
            MetricDescription(
                "websocket.messages.dropped", .counter, "Messages dropped because a queue was full.", series: series),
            MetricDescription(
                "websocket.bytes.sent", .counter, "Bytes sent on WebSockets, frame headers included, before TLS.",
                series: series),
            MetricDescription(
                "websocket.bytes.received", .counter,
                "Bytes received on WebSockets, frame headers included, after TLS.", series: series),
            MetricDescription(
                "websocket.closes", .counter,
                "WebSockets that were closed; 3000 and 4000 stand for all codes of their thousand.", series: closes),
            MetricDescription(
                "websocket.queue.bytes", .recorder, "Bytes that wait on a WebSocket when its queue grows.",
                series: series),
            MetricDescription("websocket.rtt", .timer, "Time from a ping to its pong.", series: series),
        ]
    }

    /// The metric of ``StalledAnswerCounter``.
    package static let stalledAnswers = MetricDescription(
        "http.answers.stalled", .counter, "Connections ended because their client did not read its answers.")
    /// The metric of ``RefusalCounter``.
    package static let refusals = MetricDescription(
        "websocket.handshakes.refused", .counter,
        "Opening handshakes that were refused, and connections that were refused because of a limit.",
        series: Self.statuses.map { [("status", String($0))] })
}
