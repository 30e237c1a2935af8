package import MartletProtocol
package import MartletWebSocket

/// The connection of a session: what each transport makes of it. Used on one event loop.
package protocol TransportConnection: AnyObject {
    var transport: SessionTransport { get }

    var isOpen: Bool { get }

    /// The client's address, as far as it is known.
    var address: String { get }

    /// Bytes that wait for the client.
    var queuedBytes: Int { get }

    /// Sends publications, or other messages of the dialect.
    ///
    /// - Returns: how many were taken into the outbound queue, counted from the first.
    func send(_ encoded: EncodedPublications) -> Int

    /// Sends a heartbeat, or finds that the client has not taken those of before.
    func sendHeartbeat(_ encoded: EncodedPublications)

    /// Closes the connection.
    ///
    /// - Parameters:
    ///   - code: for transports that have close codes.
    ///   - reason: for transports that can tell it.
    func close(_ code: CloseCode, _ reason: String)

    // MARK: The fast path

    /// See ``Subscriber/socketAddress``.
    var socketAddress: UnsafeRawPointer? { get }

    /// See ``Subscriber/readyPlace``.
    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { get }

    /// See ``Subscriber/finish(_:behind:)``.
    func finish(_ encoded: EncodedPublications, behind sent: Int)
}

extension TransportConnection {
    package var socketAddress: UnsafeRawPointer? { nil }
    package var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { nil }
    package func finish(_ encoded: EncodedPublications, behind sent: Int) {}
}
