import NIOCore
import NIOHTTP1
import NIOPosix

/// One request of a health check.
final class HealthProbe: UpstreamConnection.User {
    private let answered: EventLoopPromise<Bool>
    private var isSettled = false

    private init(_ answered: EventLoopPromise<Bool>) { self.answered = answered }

    static func ask(
        _ endpoint: Endpoint, _ group: UpstreamGroup, _ check: UpstreamConfiguration.HealthCheck
    ) async -> Bool {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let future = eventLoop.flatSubmit {
            UpstreamConnector.connect(
                to: endpoint, of: group, client: ProxyProtocolHeader(), isForUpgrade: false, on: eventLoop
            ).flatMap { bound in
                let connection = bound.value
                let promise = eventLoop.makePromise(of: Bool.self)
                let probe = HealthProbe(promise)
                connection.user = probe
                let timer = eventLoop.assumeIsolated().scheduleTask(in: check.timeout) { probe.settle(false) }
                connection.write(
                    .head(
                        .init(
                            version: .http1_1, method: .GET, uri: check.path,
                            headers: [
                                "Host": endpoint.url.authority, "User-Agent": "martlet-health-check",
                                "Connection": "close",
                            ])))
                connection.write(.end(nil))
                connection.flush()
                let keep = NIOLoopBound((probe, connection), eventLoop: eventLoop)
                promise.futureResult.whenComplete { _ in
                    timer.cancel()
                    keep.value.1.close()
                }
                return promise.futureResult
            }
        }
        return (try? await future.get()) ?? false
    }

    private func settle(_ isHealthy: Bool) {
        guard !self.isSettled else { return }
        self.isSettled = true
        self.answered.succeed(isHealthy)
    }

    func upstreamReceived(_ part: HTTPClientResponsePart) {
        if case .head(let head) = part, head.status.code >= 200 { self.settle(head.status.code < 400) }
    }

    func upstreamReadComplete() {}
    var mayReadUpstream: Bool { true }
    func upstreamWritabilityChanged() {}
    func upstreamEnded(_ error: (any Error)?) { self.settle(false) }
}
