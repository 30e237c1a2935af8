import MartletWebSocket
package import NIOCore

/// Items that go out together, encoded once for each way to carry them. Used on one event loop.
package final class EventStreamItems {
    let items: [EventStreamItem]

    init(_ items: [EventStreamItem]) { self.items = items }

    package var count: Int { self.items.count }

    /// The id behind the last of them.
    package var lastID: String? { self.items.last { $0.id != nil }?.id?.description }

    /// As `text/event-stream`, each message as it is.
    package private(set) lazy var events = EventStreamEncoder.serverSentEvents(self.items, isJSON: false)
    /// As `text/event-stream`, each message as a JSON string, in which no line end is lost.
    package private(set) lazy var jsonEvents = EventStreamEncoder.serverSentEvents(self.items, isJSON: true)

    /// As messages of a WebSocket.
    private(set) lazy var messages: PreparedBatch = {
        var batch = PreparedBatch()
        for item in self.items { batch.append(text: EventStreamEncoder.json(item)) }
        return batch
    }()
}
