import HTTPTypes
import Hummingbird
import MartletPush
import MartletService
import MartletWebSocket
import NIOCore

/// `POST /api/METHOD`: the API of servers, with the bodies and answers of docs/http-api.md.
struct APIRoutes {
    let live: LiveConfiguration
    let publisher: Publisher
    let access: APIAccess
    let node: APINode

    private var service: PushService { self.live.service }

    func add(to router: Router<ServiceRequestContext>) {
        router.post("/api/batch") { request, context in
            try await self.answer(request, context, { body throws(APIError) in try APIBatch(body) }) { batch, key in
                await self.batch(batch, key)
            }
        }
        router.post("/api/:method") { request, context in
            let method = context.parameters.get("method") ?? ""
            let read: @Sendable (JSONObject) throws(APIError) -> APICommand = { body throws(APIError) in
                try APICommand(method: method, body)
            }
            return try await self.answer(request, context, read) { command, key in
                await self.command(command, key, request, context)
            }
        }
    }

    /// Answers a request that may use the API and whose body is a JSON object. An empty body stands for `{}`.
    ///
    /// - Parameter read: makes the command of the object. Both take long for a long body.
    private func answer<Command: Sendable>(
        _ request: Request, _ context: ServiceRequestContext,
        _ read: @escaping @Sendable (JSONObject) throws(APIError) -> Command,
        _ work: (Command, _ key: String) async -> Response
    ) async throws -> Response {
        let key: String
        switch await self.access.decide(request, context) {
        case .refuse(let response): return response
        case .allow(let name): key = name
        }
        if let method = context.parameters.get("method"), !APICommand.methods.contains(method) {
            return self.refuse(.methodNotFound, .notFound, context)
        }
        switch try await self.access.body(of: request, context) {
        case .refuse(let response): return response
        case .bytes(let bytes):
            let command = await LongWork.run(bytes.readableBytes) { () -> Result<Command, APIError> in
                do throws(APIError) {
                    return .success(try read(try Self.object(bytes)))
                } catch {
                    return .failure(error)
                }
            }
            switch command {
            case .success(let command): return await work(command, key)
            case .failure(let error): return self.refuse(error, .badRequest, context)
            }
        }
    }

    private static func object(_ bytes: ByteBuffer) throws(APIError) -> JSONObject {
        do throws(JSONError) {
            return try JSONObject(bytes.readableBytes == 0 ? ByteBuffer(string: "{}") : bytes)
        } catch {
            throw .badRequest("the body: \(error.description)")
        }
    }

    private func command(
        _ command: APICommand, _ key: String, _ request: Request, _ context: ServiceRequestContext
    ) async -> Response {
        self.live.pushes.charge(key, command.weight - 1)
        let reply = await self.execute(command, key: request.headers[.idempotencyKey])
        if reply.isConflict { self.access.note(.unprocessableContent, Publisher.Failure.otherMessage, context) }
        return .text(
            reply.json, status: reply.isConflict ? .unprocessableContent : .ok, contentType: "application/json")
    }

    private func batch(_ batch: APIBatch, _ key: String) async -> Response {
        self.live.pushes.charge(key, batch.commands.reduce(-1) { $0 + ((try? $1.command.get().weight) ?? 1) })
        var replies: [String] = []
        for element in batch.commands {
            let reply: APIReply
            switch element.command {
            case .success(let command): reply = await self.execute(command)
            case .failure(let error): reply = APIReply(outcome: .error(error))
            }
            replies.append("{\(JSONText.string(element.method)):\(reply.json)}")
        }
        return .json(#"{"replies":[\#(replies.joined(separator: ","))]}"#)
    }

    private func refuse(
        _ error: APIError, _ status: HTTPResponse.Status, _ context: ServiceRequestContext
    ) -> Response {
        self.access.note(status, error.message, context)
        return .text(APIReply(outcome: .error(error)).json, status: status, contentType: "application/json")
    }

    // MARK: The commands

    /// - Parameter key: for idempotency, where the command itself has none.
    private func execute(_ command: APICommand, key: String? = nil) async -> APIReply {
        switch command {
        case .publish(let command):
            return await self.publish(command.text, to: command.channel, key: command.idempotencyKey ?? key)
        case .broadcast(let command):
            var replies: [APIReply] = []
            for channel in command.channels {
                replies.append(await self.publish(command.text, to: channel, key: command.idempotencyKey ?? key))
            }
            return APIReply(outcome: .broadcast(replies))
        case .disconnect(let user):
            guard !user.isEmpty else { return APIReply(outcome: .error(.badRequest("user is empty"))) }
            _ = await self.service.disconnect(user: user, event: nil)
            return APIReply(outcome: .done)
        case .info: return APIReply(outcome: .nodes([self.node.describe(self.service)]))
        }
    }

    private func publish(
        _ text: String, to channel: Result<UserChannel, APIError>, key: String?
    ) async -> APIReply {
        let message: PushMessage
        switch channel {
        case .failure(let error): return APIReply(outcome: .error(error))
        case .success(let channel):
            message = PushMessage(user: channel.user, event: channel.event, message: text)
        }
        guard (key?.utf8.count ?? 0) <= Publisher.keyLength else {
            return APIReply(outcome: .error(.badRequest("an idempotency_key has at most \(Publisher.keyLength) bytes")))
        }
        guard !message.message.isEmpty else { return APIReply(outcome: .error(.badRequest("data is empty"))) }
        let result: PublishResult
        do throws(Publisher.Failure) {
            result = try await self.publisher.publish(message, key: key.flatMap { $0.isEmpty ? nil : $0 })
        } catch {
            switch error {
            case .broker(let error): return APIReply(outcome: .error(.unpublished(error)))
            case .keyOfOtherMessage: return APIReply(outcome: .error(.keyOfOtherMessage))
            }
        }
        if result.delivered == 0, self.live.connections.isClosed { return APIReply(outcome: .error(.stopping)) }
        return APIReply(
            outcome: .published(result.position.map { .init(offset: $0.offset, epoch: $0.epoch) }))
    }
}
