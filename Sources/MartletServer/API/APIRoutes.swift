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
        router.post("/api/batch") { try await self.answer($0, $1, self.batch) }
        router.post("/api/:method") { try await self.answer($0, $1, self.command) }
    }

    /// Answers a request that may use the API and whose body is a JSON object. An empty body stands for `{}`.
    private func answer(
        _ request: Request, _ context: ServiceRequestContext,
        _ work: (Request, ServiceRequestContext, JSONObject, _ key: String) async -> Response
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
            let body: JSONObject
            do throws(JSONError) {
                body = try JSONObject(bytes.readableBytes == 0 ? ByteBuffer(string: "{}") : bytes)
            } catch {
                return self.refuse(.badRequest("the body: \(error.description)"), .badRequest, context)
            }
            return await work(request, context, body, key)
        }
    }

    private func command(
        _ request: Request, _ context: ServiceRequestContext, _ body: JSONObject, _ key: String
    ) async -> Response {
        let command: APICommand
        do throws(APIError) {
            command = try APICommand(method: context.parameters.get("method") ?? "", body)
        } catch {
            return self.refuse(error, error == .methodNotFound ? .notFound : .badRequest, context)
        }
        self.live.pushes.charge(key, command.weight - 1)
        let reply = await self.execute(command, key: request.headers[.idempotencyKey])
        return .text(reply.json, status: reply.isConflict ? .unprocessableContent : .ok, contentType: "application/json")
    }

    private func batch(
        _ request: Request, _ context: ServiceRequestContext, _ body: JSONObject, _ key: String
    ) async -> Response {
        let batch: APIBatch
        do throws(APIError) {
            batch = try APIBatch(body)
        } catch {
            return self.refuse(error, .badRequest, context)
        }
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
            return await self.publish(command.data, to: command.channel, key: command.idempotencyKey ?? key)
        case .broadcast(let command):
            var replies: [APIReply] = []
            for channel in command.channels {
                replies.append(await self.publish(command.data, to: channel, key: command.idempotencyKey ?? key))
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
        _ data: JSONValue, to channel: Result<UserChannel, APIError>, key: String?
    ) async -> APIReply {
        let message: PushMessage
        switch channel {
        case .failure(let error): return APIReply(outcome: .error(error))
        case .success(let channel):
            // Clients get a text as it is, and anything else as JSON.
            let text = if case .string(let text) = data { text } else { data.text }
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
