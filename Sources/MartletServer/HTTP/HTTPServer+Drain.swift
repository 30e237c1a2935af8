import Logging
import MartletHummingbird
import NIOCore

extension HTTPServer {
    /// The time that requests under way have at the end.
    private static let patience = TimeAmount.seconds(5)

    /// Accepts no more connections, ends the open ones in batches, and then what is left.
    func drain(_ sockets: [any Channel]) async {
        self.readiness.set(false)
        self.manager.tell("STOPPING=1")
        let plan = self.configuration.drain()
        self.logger.notice(
            "draining",
            metadata: ["connections": "\(self.server.connectionCount)", "seconds": "\(plan.time / .seconds(1))"])
        if plan.delay > .zero { try? await Task.sleep(for: plan.delay) }
        for socket in sockets { try? await socket.close() }
        await self.end(plan)
    }

    /// Ends the open connections, and then what is left.
    func end(_ plan: HTTPServerConfiguration.Drain? = nil) async {
        let plan = plan ?? self.configuration.drain()
        self.configuration.limiter.close()
        await self.server.drain(
            over: plan.time, retry: plan.retry,
            clients: plan.clients ?? { [limiter = self.configuration.limiter] in limiter.clientCount },
            alongside: plan.alongside)
        self.server.finish(within: Self.patience)
    }
}
