import HTTPTypes
import Hummingbird
import MartletPush
import MartletService
import MartletWebSocket
import NIOCore

/// The HTTP API of the push service.
struct PushRoutes {
    let live: LiveConfiguration
    let publisher: Publisher
    let access: APIAccess

    private var service: PushService { self.live.service }

    func add(to router: Router<ServiceRequestContext>) {
        router.post(RouterPath(self.live.configuration.pushPath), use: self.push)
        router.post("/drop", use: self.drop)
    }

    /// Answers `POST /push`: checked in the order of the original service, and answered byte for byte as by it: 405 (by
    /// the middleware), 401, 400, 200.
    @Sendable
    private func push(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if case .refuse(let response) = await self.access.decide(request, context) { return response }
        let message: PushMessage
        switch try await self.access.body(of: request, context) {
        case .refuse(let response): return response
        case .bytes(let body):
            let read = await LongWork.run(body.readableBytes) { () -> Result<PushMessage, JSONError> in
                do throws(JSONError) {
                    return .success(try PushMessage(reading: body))
                } catch {
                    return .failure(error)
                }
            }
            switch read {
            case .success(let push): message = push
            case .failure(let error): return self.illegal(error, request, context)
            }
        }
        let key = request.headers[.idempotencyKey].flatMap { $0.isEmpty ? nil : $0 }
        guard (key?.utf8.count ?? 0) <= Publisher.keyLength else {
            return self.access.refuse(
                .badRequest, "Idempotency-Key has at most \(Publisher.keyLength) bytes", request, context)
        }
        let isJSON = PushAnswer.isJSONWanted(request.headers[values: .accept])
        do throws(Publisher.Failure) {
            let result = try await self.publisher.publish(message, key: key)
            return Response(PushAnswer.of(result.delivered, isJSON: isJSON, self.live.connections).answer)
        } catch {
            switch error {
            case .broker(let error): return Response(PushAnswer.failed(error, isJSON: isJSON).answer)
            case .keyOfOtherMessage:
                return self.access.refuse(
                    .unprocessableContent, Publisher.Failure.otherMessage, request, context)
            }
        }
    }

    /// Ends the sessions of a user's event, or of all its events without one: `POST /drop {"userId":"…","event":"…"}`.
    @Sendable
    private func drop(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if case .refuse(let response) = await self.access.decide(request, context) { return response }
        let user: String
        let event: String?
        switch try await self.access.body(of: request, context) {
        case .refuse(let response): return response
        case .bytes(let body):
            let read = await LongWork.run(body.readableBytes) { () -> Result<(String, String?), JSONError> in
                do throws(JSONError) {
                    return .success(try Self.dropped(body))
                } catch {
                    return .failure(error)
                }
            }
            switch read {
            case .success(let named): (user, event) = named
            case .failure(let error): return self.illegal(error, request, context)
            }
        }
        let count = await self.service.disconnect(user: user, event: event)
        return .json(#"{"dropped":\#(count)}"#)
    }

    private static func dropped(_ body: ByteBuffer) throws(JSONError) -> (user: String, event: String?) {
        let fields = try JSONObject(body)
        let user = try fields.identifier(.folded("userId"))
        let event = try fields.stringIfPresent(.folded("event")).flatMap { $0.isEmpty ? nil : $0 }
        try UserChannel(user: user, event: event ?? "-").check(user: "userId")
        return (user, event)
    }

    private func illegal(_ error: JSONError, _ request: Request, _ context: ServiceRequestContext) -> Response {
        self.access.note(.badRequest, "request data illegal: \(error)", context)
        return APIAnswerStyle(request).response(.badRequest, error.description, plain: "request data illegal")
    }
}

extension HTTPField.Name {
    static let idempotencyKey = Self("Idempotency-Key")!
}
