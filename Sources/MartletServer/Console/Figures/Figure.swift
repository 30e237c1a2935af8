/// A figure of the service that the console shows over time.
enum Figure: Int, Sendable, Hashable, CaseIterable {
    // Values of a moment.
    case webSocketSessions
    case streamSessions
    case pollSessions
    case connections
    case users
    case channels
    /// The resident memory, in bytes.
    case memory

    // Counts since the start, of which the difference in a time is shown.
    /// The time on processors, in seconds.
    case cpu
    case pushes
    case failedPushes
    case webSocketDeliveries
    case streamDeliveries
    case pollDeliveries
    case slowWebSockets
    case slowStreams
    case droppedMessages
    case refusedPushes
    case refusedRegistrations
    case refusedSessions
    case rateLimited
    /// The bytes of WebSockets.
    case bytesSent
    case bytesReceived

    /// The name in what the page is sent.
    var name: String { "\(self)" }

    /// Whether it counts since the start, so that a sample has how many came in a second.
    var isCount: Bool { self.rawValue >= Self.cpu.rawValue }
}
