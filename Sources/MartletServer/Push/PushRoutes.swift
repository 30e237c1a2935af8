import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletWebSocket
import NIOCore

/// The HTTP API of the push service.
struct PushRoutes {
    private struct DropRequest: Decodable {
        let userId: String
        let event: String?
    }

    let service: PushService
    let configuration: PushServerConfiguration
    let publisher: Publisher
    let access: APIAccess

    func add(to router: Router<RequestContext>) {
        router.middlewares.add(PostOnlyMiddleware(paths: [self.configuration.pushPath, "/drop"]))
        router.post(RouterPath(self.configuration.pushPath), use: self.push)
        router.post("/drop", use: self.drop)
        router.get("/readyz") { _, _ in "ok\n" }
        router.get("/metrics") { _, _ in self.metrics() }
    }

    /// `POST /push`: checked in the order of the original service, and answered byte for byte as by it: 405 (by the
    /// middleware), 401, 400, 200.
    @Sendable
    private func push(_ request: Request, _ context: RequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context) { return refusal }
        let body = try await request.body.collect(upTo: self.configuration.maximumBodySize)
        guard let message = PushMessage(json: body) else {
            self.service.refusedPush()
            context.logger.info("refused a push", metadata: ["reason": "request data illegal"])
            return Response(PushAnswer.illegal.answer)
        }
        let key = request.headers[.idempotencyKey].flatMap { $0.isEmpty ? nil : $0 }
        guard (key?.utf8.count ?? 0) <= Publisher.keyLength else {
            self.service.refusedPush()
            return .text("Idempotency-Key has at most \(Publisher.keyLength) bytes", status: .badRequest)
        }
        let count = await self.publisher.publish(message, key: key).delivered
        let isJSON = PushAnswer.isJSONWanted(request.headers[values: .accept])
        return Response(PushAnswer.accepted(count, isJSON: isJSON).answer)
    }

    /// `POST /drop {"userId":"…","event":"…"}`: closes the connections; no event means all of the user's.
    @Sendable
    private func drop(_ request: Request, _ context: RequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context) { return refusal }
        let body = try await request.body.collect(upTo: self.configuration.maximumBodySize)
        guard let drop = try? JSONDecoder().decode(DropRequest.self, from: Data(body.readableBytesView)),
            !drop.userId.isEmpty
        else { return .text("request data illegal", status: .badRequest) }
        let event = drop.event.flatMap { $0.isEmpty ? nil : $0 }
        let count = await self.service.drop(user: drop.userId, event: event)
        return .json(#"{"dropped":\#(count)}"#)
    }

    private func metrics() -> Response {
        let counters = self.service.counters
        func gauge(_ name: String, _ help: String, _ value: Int) -> String {
            "# HELP \(name) \(help)\n# TYPE \(name) gauge\n\(name) \(value)\n"
        }
        func counter(_ name: String, _ help: String, _ value: Int) -> String {
            "# HELP \(name) \(help)\n# TYPE \(name) counter\n\(name) \(value)\n"
        }
        return .text(
            "# HELP martlet_sessions Clients that are connected.\n# TYPE martlet_sessions gauge\n"
                + "martlet_sessions{transport=\"websocket\"} \(counters[.sessions])\n"
                + "martlet_sessions{transport=\"sse\"} \(counters[.eventStreams])\n"
                + "martlet_sessions{transport=\"poll\"} \(counters[.polls])\n"
                + gauge("martlet_channels", "User channels that somebody is registered for.", self.service.channelCount)
                + counter(
                    "martlet_registrations_total", "Register messages that took effect.", counters[.registrations])
                + counter(
                    "martlet_registrations_refused_total", "Register messages that were refused.",
                    counters[.refusedRegistrations])
                + counter("martlet_pushes_total", "Pushes that were accepted.", counters[.pushes])
                + counter("martlet_pushes_refused_total", "Pushes that were refused.", counters[.refusedPushes])
                + counter("martlet_deliveries_total", "Messages that a connection took.", counters[.deliveries])
                + counter("martlet_drops_total", "Connections that the back end dropped.", counters[.drops])
                + counter(
                    "martlet_slow_consumers_total", "Connections closed because they read too slowly.",
                    counters[.slowConsumers]),
            contentType: "text/plain; version=0.0.4; charset=utf-8")
    }
}

extension HTTPField.Name {
    fileprivate static let idempotencyKey = Self("Idempotency-Key")!
}
