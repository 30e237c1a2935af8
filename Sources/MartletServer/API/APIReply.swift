import FoundationEssentials
import MartletPush

/// The answer to a command: `{"result":{…}}` or `{"error":{…}}`. Names are those of the wire.
struct APIReply: Encodable, Sendable {
    struct Position: Encodable, Sendable {
        let offset: UInt64
        let epoch: String
    }

    struct Node: Encodable, Sendable {
        let uid: String
        let name: String
        let version: String
        let num_clients: Int
        let num_users: Int
        let num_channels: Int
        /// The time since the start, in seconds.
        let uptime: Int
    }

    enum Outcome: Sendable {
        /// The position of a publication; `nil` in a channel without history.
        case published(Position?)
        case broadcast([APIReply])
        case nodes([Node])
        case done
        case error(APIError)
    }

    private enum Key: String, CodingKey { case result, error, responses, nodes }

    let outcome: Outcome

    /// Whether the command was refused since its idempotency key belongs to another message.
    var isConflict: Bool {
        if case .error(.keyOfOtherMessage) = self.outcome { true } else { false }
    }

    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and whole numbers alone, so encoding cannot fail.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Key.self)
        switch self.outcome {
        case .error(let error): try members.encode(error, forKey: .error)
        case .published(let position?): try members.encode(position, forKey: .result)
        case .published(nil), .done: try members.encode([String: String](), forKey: .result)
        case .broadcast(let replies): try members.encode([Key.responses.rawValue: replies], forKey: .result)
        case .nodes(let nodes): try members.encode([Key.nodes.rawValue: nodes], forKey: .result)
        }
    }
}
