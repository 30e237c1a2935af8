/// One message to a client of the event-stream dialect.
struct EventStreamItem {
    enum Content {
        case publication(event: String, data: String)
        /// Publications of these events are lost for this client.
        case gap([String])
        /// The client's position, and nothing else.
        case position
    }

    let content: Content
    /// The client's position after the item; `nil` for a gap, and in channels without history.
    let id: ResumeID?

    init(_ content: Content, id: ResumeID?) {
        self.content = content
        self.id = id
    }

    init(event: String, data: String, id: ResumeID?) { self.init(.publication(event: event, data: data), id: id) }
}
