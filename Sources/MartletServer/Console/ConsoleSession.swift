import MartletPush
import NIOCore

/// A session as the console lists it.
struct ConsoleSession: Encodable {
    /// A number that no other session of the process has; as text, since it may be too large for a page.
    let id: String
    let user: String
    let events: [String]
    let transport: String
    let address: String
    /// Bytes that wait for the client.
    let queued: Int
    /// The age of the session, in seconds.
    let age: Double

    init(_ session: SessionInformation, now: NIODeadline) {
        self.id = session.id.description
        self.user = session.user
        self.events = session.events
        self.transport = session.connectionInfo.transport.rawValue
        self.address = session.connectionInfo.address
        self.queued = session.connectionInfo.queuedBytes
        self.age = Double((now - session.connectionInfo.openedAt).nanoseconds) / 1e9
    }
}
