import Logging
import NIOCore
import Synchronization

/// The servers of an upstream and the choice between them. A group is shared by all event loops, and kept with its
/// state over a reload that does not change it.
final class UpstreamGroup: Sendable {
    let name: String
    let configuration: UpstreamConfiguration
    let endpoints: [Endpoint]
    let tls: UpstreamTLS?
    private let turns: Mutex<WeightedTurns>

    /// - Parameter previous: the group of this name before a reload.
    /// - Throws: ``ProxyError`` when the files of TLS cannot be used.
    init(name: String, _ configuration: UpstreamConfiguration, previous: UpstreamGroup? = nil) throws {
        self.name = name
        self.configuration = configuration
        self.endpoints = configuration.endpoints.map { endpoint in
            Endpoint(endpoint, configuration, previous: previous?.endpoints.first { $0.url == endpoint.url })
        }
        self.tls =
            configuration.endpoints.contains { $0.url.isSecure }
            ? try UpstreamTLS(configuration.tls, upstream: name) : nil
        self.turns = Mutex(WeightedTurns(count: configuration.endpoints.count))
        for endpoint in self.endpoints { ProxyMetrics.describe(name, endpoint.name) }
    }

    /// Chooses an upstream server.
    ///
    /// - Parameters:
    ///   - key: the value for consistent hashing, if the upstream balances that way.
    ///   - tried: the servers that failed this request already.
    /// - Returns: `nil` if all have been tried, or the active checks find none healthy.
    func choose(key: String?, except tried: [Endpoint], at now: NIODeadline) -> Endpoint? {
        let left =
            tried.isEmpty ? self.endpoints : self.endpoints.filter { one in !tried.contains { $0 === one } }
        guard left.contains(where: \.isHealthy) else { return nil }
        guard left.count > 1 else { return left.first }
        let available = left.filter { $0.isAvailable(at: now) }
        // When all have failed lately, all that the checks find healthy are tried: an answer is better than none.
        let candidates = available.isEmpty ? left.filter(\.isHealthy) : available
        guard !candidates.isEmpty else { return nil }  // checks go on meanwhile
        switch self.configuration.balance {
        case .consistentHash where key != nil:
            return RendezvousHash.choose(candidates, key: key ?? "", seed: \.name, weight: \.weight)
        case .leastConnections:
            return candidates.min {
                Double($0.active + 1) / $0.share(at: now) < Double($1.active + 1) / $1.share(at: now)
            }
        case .roundRobin, .consistentHash:
            let shares = self.endpoints.map { one in
                candidates.contains { $0 === one } ? one.share(at: now) : 0
            }
            return self.endpoints[self.turns.withLock { $0.next(shares) }]
        }
    }

    /// Records a failure of an upstream server.
    ///
    /// - Parameter reason: the metric's label, one of few.
    func failed(_ endpoint: Endpoint, reason: String, error: (any Error)?, logger: Logger) {
        ProxyMetrics.upstreamFailed(self.name, endpoint.name, reason: reason)
        let isEjected = endpoint.failed(at: .now())
        logger.warning(
            "an upstream server failed",
            metadata: [
                "upstream": "\(self.name)", "endpoint": "\(endpoint.url)", "reason": "\(reason)",
                "error": "\(error.map { "\($0)" } ?? "-")", "leftOut": "\(isEjected)",
            ])
    }
}
