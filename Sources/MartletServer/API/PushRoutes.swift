import FoundationEssentials
import HTTPTypes
import Hummingbird
import MartletPush
import MartletWebSocket
import NIOCore

/// The HTTP API of the push service.
struct PushRoutes {
    private struct DropRequest: Decodable {
        let userId: String
        let event: String?
    }

    let live: LiveConfiguration
    let publisher: Publisher
    let access: APIAccess
    let metrics: ServiceMetrics

    private var service: PushService { self.live.service }

    func add(to router: Router<ServiceRequestContext>) {
        let pushPath = self.live.configuration.pushPath
        router.middlewares.add(
            PostOnlyMiddleware(paths: [pushPath, "/drop"]) { self.access.note(.methodNotAllowed, "only POST", $0) })
        router.post(RouterPath(pushPath), use: self.push)
        router.post("/drop", use: self.drop)
        router.get("/metrics") { _, _ in
            Response.text(self.metrics.text(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    /// Answers `POST /push`: checked in the order of the original service, and answered byte for byte as by it: 405 (by
    /// the middleware), 401, 400, 200.
    @Sendable
    private func push(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if case .refuse(let response) = await self.access.decide(request, context) { return response }
        let body = try await self.access.body(of: request, context)
        guard let message = PushMessage(json: body) else {
            self.access.note(.badRequest, "request data illegal", context)
            return Response(PushAnswer.illegal.answer)
        }
        let key = request.headers[.idempotencyKey].flatMap { $0.isEmpty ? nil : $0 }
        guard (key?.utf8.count ?? 0) <= Publisher.keyLength else {
            let reason = "Idempotency-Key has at most \(Publisher.keyLength) bytes"
            self.access.note(.badRequest, reason, context)
            return .text(reason, status: .badRequest)
        }
        let isJSON = PushAnswer.isJSONWanted(request.headers[values: .accept])
        let outcome: Result<PublishResult, BrokerError>
        do throws(BrokerError) {
            outcome = .success(try await self.publisher.publish(message, key: key))
        } catch {
            outcome = .failure(error)
        }
        return Response(PushAnswer.of(outcome, isJSON: isJSON, self.live.connections).answer)
    }

    /// Ends the sessions of a user's event, or of all its events without one: `POST /drop {"userId":"…","event":"…"}`.
    @Sendable
    private func drop(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if case .refuse(let response) = await self.access.decide(request, context) { return response }
        let body = try await self.access.body(of: request, context)
        guard let drop = try? JSONDecoder().decode(DropRequest.self, from: Data(body.readableBytesView)),
            !drop.userId.isEmpty
        else {
            self.access.note(.badRequest, "request data illegal", context)
            return .text("request data illegal", status: .badRequest)
        }
        let event = drop.event.flatMap { $0.isEmpty ? nil : $0 }
        let count = await self.service.disconnect(user: drop.userId, event: event)
        return .json(#"{"dropped":\#(count)}"#)
    }
}

extension HTTPField.Name {
    static let idempotencyKey = Self("Idempotency-Key")!
}
