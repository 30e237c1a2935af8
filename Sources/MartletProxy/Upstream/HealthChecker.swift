import Logging
import NIOCore

/// Asks the endpoints of upstreams with a ``UpstreamConfiguration/HealthCheck`` how they are. Any answer of 2xx or 3xx is a
/// good one.
struct HealthChecker: Sendable {
    let logger: Logger

    /// Asks until it is cancelled.
    ///
    /// - Parameter groups: asked for again and again, since they change.
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
        let isWell = await HealthProbe.ask(endpoint, group, check)
        guard endpoint.checked(isWell: isWell, at: .now()) else { return }
        self.logger.notice(
            isWell ? "an endpoint is well again" : "an endpoint is not well",
            metadata: ["upstream": "\(group.name)", "endpoint": "\(endpoint.url)"])
    }
}
