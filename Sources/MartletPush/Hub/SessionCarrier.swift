package import NIOCore

/// What carries a session: its connection, as an operator sees it.
package struct SessionCarrier: Sendable {
    package enum Transport: String, Sendable {
        case websocket
        case sse
        case poll
    }

    package let transport: Transport
    /// Of the client, as far as it is known.
    package let address: String
    /// Bytes that wait for the client.
    package let queuedBytes: Int
    package let openedAt: NIODeadline

    package init(transport: Transport, address: String, queuedBytes: Int, openedAt: NIODeadline) {
        self.transport = transport
        self.address = address
        self.queuedBytes = queuedBytes
        self.openedAt = openedAt
    }
}
