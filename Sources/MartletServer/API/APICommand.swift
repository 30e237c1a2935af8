/// The bodies of `POST /api/METHOD`, and the elements of a batch. Names are those of the wire.
enum APICommand: Sendable {
    struct Publish: Decodable, Sendable {
        let channel: String
        let data: JSONValue
        let idempotency_key: String?
    }

    struct Broadcast: Decodable, Sendable {
        let channels: [String]
        let data: JSONValue
        let idempotency_key: String?
    }

    struct Disconnect: Decodable, Sendable {
        let user: String
    }

    struct Info: Decodable, Sendable {}

    case publish(Publish)
    case broadcast(Broadcast)
    case disconnect(Disconnect)
    case info

    /// The number of messages that it publishes, at least 1; for limits.
    var weight: Int {
        if case .broadcast(let command) = self { return max(command.channels.count, 1) }
        return 1
    }

    /// - Parameter source: the body.
    /// - Throws: ``APIError`` for an unknown method, and what decoding throws.
    init(method: String, from source: some APIBody) throws {
        switch method {
        case "publish": self = .publish(try source.decode())
        case "broadcast": self = .broadcast(try source.decode())
        case "disconnect": self = .disconnect(try source.decode())
        case "info":
            let _: Info = try source.decode()
            self = .info
        default: throw APIError.methodNotFound
        }
    }
}
