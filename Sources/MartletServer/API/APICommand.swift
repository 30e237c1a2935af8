import MartletPush

/// A command of the API: the body of `POST /api/METHOD`, or an element of a batch. Names are those of the wire.
enum APICommand: Sendable {
    struct Publish: Sendable {
        let channel: Result<UserChannel, APIError>
        /// The text that clients get.
        let text: String
        let idempotencyKey: String?
    }

    struct Broadcast: Sendable {
        let channels: [Result<UserChannel, APIError>]
        /// The text that clients get.
        let text: String
        let idempotencyKey: String?
    }

    case publish(Publish)
    case broadcast(Broadcast)
    case disconnect(user: String)
    case info

    /// The names of the commands.
    static let methods: Set = ["publish", "broadcast", "disconnect", "info"]

    /// The number of messages that it publishes, at least 1; for limits.
    var weight: Int {
        if case .broadcast(let command) = self { return max(command.channels.count, 1) }
        return 1
    }

    init(method: String, _ body: JSONObject) throws(APIError) {
        do throws(JSONError) {
            switch method {
            case "publish":
                self = .publish(
                    .init(
                        channel: try Self.channel(body), text: try Self.text(body),
                        idempotencyKey: try body.stringIfPresent(.exact("idempotency_key"))))
            case "broadcast":
                self = .broadcast(
                    .init(
                        channels: try Self.channels(body), text: try Self.text(body),
                        idempotencyKey: try body.stringIfPresent(.exact("idempotency_key"))))
            case "disconnect":
                // An empty one is an error of the command.
                self = .disconnect(user: body["user"] == .string("") ? "" : try body.identifier(.exact("user")))
            case "info": self = .info
            default: throw JSONError("")
            }
        } catch  where error.description.isEmpty {
            throw .methodNotFound
        } catch {
            throw .badRequest(error.description)
        }
    }

    /// Clients get a text as it is, and anything else as JSON.
    private static func text(_ body: JSONObject) throws(JSONError) -> String {
        switch body["data"] {
        case nil: throw JSONError("data is missing")
        case .string(let text): return text
        case let data?: return data.text
        }
    }

    /// The channel of a publication: `"channel":"EVENT#USER"`, or `"event"` and `"user"`, which any name may have.
    private static func channel(_ body: JSONObject) throws(JSONError) -> Result<UserChannel, APIError> {
        if body["channel"] == nil, body["user"] != nil || body["event"] != nil { return try Self.userChannel(body) }
        return Self.named(try body.string(.exact("channel")))
    }

    private static func named(_ name: String) -> Result<UserChannel, APIError> {
        UserChannel(name: name).map { .success($0) } ?? .failure(.unknownChannel)
    }

    private static func userChannel(_ body: JSONObject) throws(JSONError) -> Result<UserChannel, APIError> {
        let channel = UserChannel(
            user: try body.identifier(.exact("user")), event: try body.string(.exact("event")))
        try channel.check(user: "user")
        return .success(channel)
    }

    private static func channels(_ body: JSONObject) throws(JSONError) -> [Result<UserChannel, APIError>] {
        guard let channels = body["channels"] else { throw JSONError("channels is missing") }
        guard case .array(let elements) = channels else { throw JSONError("channels is no list") }
        var result: [Result<UserChannel, APIError>] = []
        for (index, element) in elements.enumerated() {
            switch element {
            case .string(let name): result.append(Self.named(name))
            case .object(let one):
                do throws(JSONError) {
                    result.append(try Self.userChannel(one))
                } catch {
                    throw JSONError("channels[\(index)]: \(error.description)")
                }
            default: throw JSONError("channels[\(index)] is no string")
            }
        }
        return result
    }
}
