import NIOCore

/// The account of a tunnel: what metrics and the access log record of it.
struct TunnelAccount: Sendable {
    /// The access log entry of the opening handshake; `nil` if nothing is logged.
    var entry: AccessLogEntry?
    let startedAt: NIODeadline
    let metrics: RouteMetrics
    let endpoint: Endpoint?
    let connections: ConnectionCount?
    let accessLog: AccessLog?

    /// Counts the upgrade.
    ///
    /// - Returns: a closure to call once, on any thread, when both connections have been closed.
    func open() -> @Sendable (TunnelSummary) -> Void {
        self.metrics.answered(status: 101, duration: 0)
        return { summary in
            self.endpoint?.ended()
            self.connections?.ended()
            let duration = max((NIODeadline.now() - self.startedAt).nanoseconds, 0)
            self.metrics.ended(summary, duration: duration)
            guard let accessLog = self.accessLog, var entry = self.entry else { return }
            entry.status = 101
            entry.duration = duration
            entry.bytesReceived = summary.bytesFromClient
            entry.bytesSent = summary.bytesFromUpstream
            entry.tunnel = summary
            if summary.end != .finished { entry.reason = summary.end.rawValue }
            accessLog.write(entry)
        }
    }
}
