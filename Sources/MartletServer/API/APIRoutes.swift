import FoundationEssentials
import HTTPTypes
import Hummingbird
import MartletPush
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
        router.post("/api/batch", use: self.batch)
        router.post("/api/:method", use: self.command)
    }

    @Sendable
    private func command(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        let key: String
        switch await self.access.decide(request, context) {
        case .refuse(let response): return response
        case .allow(let name): key = name
        }
        let body = try await self.body(of: request, context)
        let command: APICommand
        do {
            command = try APICommand(method: context.parameters.get("method") ?? "", from: body)
        } catch {
            let error = APIError(describing: error)
            return try self.refuse(error, error == .methodNotFound ? .notFound : .badRequest, context)
        }
        self.live.pushes.charge(key, command.weight - 1)
        return try self.response(await self.execute(command, key: request.headers[.idempotencyKey]))
    }

    @Sendable
    private func batch(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        let key: String
        switch await self.access.decide(request, context) {
        case .refuse(let response): return response
        case .allow(let name): key = name
        }
        let batch: APIBatch
        do {
            batch = try await self.body(of: request, context).decode()
        } catch let error where !(error is any HTTPResponseError) {
            return try self.refuse(APIError(describing: error), .badRequest, context)
        }
        self.live.pushes.charge(key, batch.commands.reduce(-1) { $0 + ((try? $1.command.get().weight) ?? 1) })
        var replies: [[String: APIReply]] = []
        for element in batch.commands {
            switch element.command {
            case .success(let command): replies.append([element.method: await self.execute(command)])
            case .failure(let error): replies.append([element.method: APIReply(outcome: .error(error))])
            }
        }
        return try self.response(["replies": replies])
    }

    private func body(of request: Request, _ context: ServiceRequestContext) async throws -> APIRequestBody {
        APIRequestBody(bytes: Data(try await self.access.body(of: request, context).readableBytesView))
    }

    private func refuse(
        _ error: APIError, _ status: HTTPResponse.Status, _ context: ServiceRequestContext
    ) throws -> Response {
        self.access.note(status, error.message, context)
        return try self.response(APIReply(outcome: .error(error)), status)
    }

    private func response(_ value: some Encodable, _ status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return .text(
            String(decoding: try encoder.encode(value), as: UTF8.self), status: status,
            contentType: "application/json")
    }

    // MARK: The commands

    /// - Parameter key: for idempotency, where the command itself has none.
    private func execute(_ command: APICommand, key: String? = nil) async -> APIReply {
        switch command {
        case .publish(let command):
            return await self.publish(command.data, to: command.channel, key: command.idempotency_key ?? key)
        case .broadcast(let command):
            var replies: [APIReply] = []
            for channel in command.channels {
                replies.append(await self.publish(command.data, to: channel, key: command.idempotency_key ?? key))
            }
            return APIReply(outcome: .broadcast(replies))
        case .disconnect(let command):
            guard !command.user.isEmpty else {
                return APIReply(outcome: .error(.badRequest("user is empty")))
            }
            _ = await self.service.disconnect(user: command.user, event: nil)
            return APIReply(outcome: .done)
        case .info: return APIReply(outcome: .nodes([self.node.describe(self.service)]))
        }
    }

    private func publish(_ data: JSONValue, to channel: String, key: String?) async -> APIReply {
        guard let channel = UserChannel(name: channel) else { return APIReply(outcome: .error(.unknownChannel)) }
        guard (key?.utf8.count ?? 0) <= Publisher.keyLength else {
            return APIReply(outcome: .error(.badRequest("an idempotency_key has at most \(Publisher.keyLength) bytes")))
        }
        guard let text = try? data.text, !text.isEmpty else {
            return APIReply(outcome: .error(.badRequest("data is empty")))
        }
        let key = key.flatMap { $0.isEmpty ? nil : $0 }
        let result: PublishResult
        do {
            result = try await self.publisher.publish(
                PushMessage(user: channel.user, event: channel.event, message: text), key: key)
        } catch {
            return APIReply(outcome: .error(.unpublished(error)))
        }
        if result.delivered == 0, self.live.connections.isClosed { return APIReply(outcome: .error(.stopping)) }
        return APIReply(
            outcome: .published(result.position.map { .init(offset: $0.offset, epoch: $0.epoch) }))
    }
}
