package import NIOCore

/// The connection that carries a session, as an operator sees it.
package struct SessionConnection: Sendable {
    package typealias Transport = SessionTransport

    package let transport: SessionTransport
    /// The address of the client, as far as it is known.
    package let address: String
    /// Bytes that wait for the client.
    package let queuedBytes: Int
    package let openedAt: NIODeadline

    package init(transport: SessionTransport, address: String, queuedBytes: Int, openedAt: NIODeadline) {
        self.transport = transport
        self.address = address
        self.queuedBytes = queuedBytes
        self.openedAt = openedAt
    }
}
