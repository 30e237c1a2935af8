import Logging
import NIOCore

/// Checks the servers of upstreams that have a ``UpstreamConfiguration/HealthCheck``. A server that answers with 2xx or
/// 3xx is healthy.
struct HealthChecker: Sendable {
    let logger: Logger

    /// Sends the checks until the task is cancelled.
    ///
    /// - Parameter groups: called again and again, since the groups change.
    func run(_ groups: @escaping @Sendable () -> [UpstreamGroup]) async {
        var due: [String: NIODeadline] = [:]
        await withDiscardingTaskGroup { tasks in
            while !Task.isCancelled {
                let now = NIODeadline.now()
                for group in groups() {
                    guard let check = group.configuration.healthCheck else { continue }
                    guard now >= due[group.name] ?? now else { continue }
                    due[group.name] = now + check.interval
                    for endpoint in group.endpoints {
                        tasks.addTask { await self.check(endpoint, group, check) }
                    }
                }
                let isAsked = groups().contains { $0.configuration.healthCheck != nil }
                try? await Task.sleep(for: isAsked ? .milliseconds(100) : .seconds(1))
            }
        }
    }

    private func check(_ endpoint: Endpoint, _ group: UpstreamGroup, _ check: UpstreamConfiguration.HealthCheck) async {
        let isHealthy = await HealthProbe.ask(endpoint, group, check)
        guard endpoint.checked(isHealthy: isHealthy, at: .now()) else { return }
        self.logger.notice(
            isHealthy ? "an upstream server is healthy again" : "an upstream server is unhealthy",
            metadata: ["upstream": "\(group.name)", "endpoint": "\(endpoint.url)"])
    }
}
