/// What a client of the event-stream dialect is told.
struct EventStreamItem {
    enum Content {
        case publication(event: String, data: String)
        /// Publications of these events are lost for this client.
        case gap([String])
        /// Nothing but how far it has come.
        case position
    }

    let content: Content
    /// `nil` in channels without history.
    let id: EventStreamID?

    init(_ content: Content, id: EventStreamID?) {
        self.content = content
        self.id = id
    }

    init(event: String, data: String, id: EventStreamID?) { self.init(.publication(event: event, data: data), id: id) }
}
