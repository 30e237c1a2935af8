import MartletWebSocket
import NIOCore

/// The format in which the event-stream dialect is written, which depends on the transport.
package enum EventStreamFormat: Sendable {
    /// A JSON object in a text message of a WebSocket.
    case messages
    /// `text/event-stream`, each message as it is.
    case events
    /// `text/event-stream`, each message as a JSON string, in which no line end is lost.
    case jsonEvents
    /// The JSON body of one answer.
    case poll

    func encode(_ items: [EventStreamItem]) -> EncodedPublications {
        switch self {
        case .messages:
            var messages = PreparedBatch()
            for item in items { messages.append(text: EventStreamEncoder.json(item)) }
            return EncodedPublications(messages)
        case .events: return self.bytes(EventStreamEncoder.serverSentEvents(items, isJSON: false), items)
        case .jsonEvents: return self.bytes(EventStreamEncoder.serverSentEvents(items, isJSON: true), items)
        case .poll: return self.bytes(ByteBuffer(string: EventStreamEncoder.poll(items)), items)
        }
    }

    private func bytes(_ bytes: ByteBuffer, _ items: [EventStreamItem]) -> EncodedPublications {
        EncodedPublications(bytes, count: items.count)
    }

    /// The encoding of sessions that have subscribed to one channel and no other.
    var encoding: PublicationEncoding {
        switch self {
        case .messages: .eventStreamMessages
        case .events: .eventStreamEvents
        case .jsonEvents: .eventStreamJSONEvents
        case .poll: .eventStreamPoll
        }
    }

    fileprivate var transport: SessionTransport {
        switch self {
        case .messages: .websocket
        case .events, .jsonEvents: .sse
        case .poll: .poll
        }
    }

    /// The heartbeat of a silent connection; `nil` for none.
    var heartbeat: EncodedPublications? {
        switch self {
        case .messages: Self.emptyObject
        case .events, .jsonEvents: Self.comment
        case .poll: nil
        }
    }

    private static let emptyObject = EncodedPublications(text: "{}")
    private static let comment = EncodedPublications(ByteBuffer(string: ":\n\n"), count: 0)
}

extension PublicationEncoding {
    static let eventStreamMessages = PublicationEncoding(eventStream: .messages)
    static let eventStreamEvents = PublicationEncoding(eventStream: .events)
    static let eventStreamJSONEvents = PublicationEncoding(eventStream: .jsonEvents)
    static let eventStreamPoll = PublicationEncoding(eventStream: .poll)

    private convenience init(eventStream format: EventStreamFormat) {
        self.init(over: format.transport) { batch in
            let event = UserChannel.event(of: batch.channel)
            return format.encode(
                batch.publications.map { publication in
                    EventStreamItem(
                        event: event, data: publication.data,
                        id: publication.position.map { ResumeID([(event, $0)]) })
                })
        }
    }
}
