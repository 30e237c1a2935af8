package import MartletProtocol
package import MartletWebSocket

/// The connection of a session, as each transport implements it. Used on one event loop.
package protocol TransportConnection: AnyObject {
    var transport: SessionTransport { get }

    var isOpen: Bool { get }

    /// The client's address, as far as it is known.
    var address: String { get }

    /// The client's IP address; `nil` where there is none.
    var clientAddress: String? { get }

    /// Bytes that wait for the client.
    var queuedBytes: Int { get }

    /// Sends publications, or other messages of the dialect.
    ///
    /// - Returns: how many were taken into the outbound queue, counted from the first.
    func send(_ encoded: EncodedPublications) -> Int

    /// Sends a heartbeat, or finds that the client has not taken the previous ones.
    func sendHeartbeat(_ encoded: EncodedPublications)

    /// Closes the connection.
    ///
    /// - Parameters:
    ///   - why: for transports that tell it in ways of their own.
    ///   - code: for transports that have close codes.
    ///   - reason: for transports that can tell it.
    func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String)

    /// Stops reading from the client, where a client sends anything.
    func pauseReading()

    func resumeReading()

    // MARK: The fast path

    /// The address of the socket's memory: see ``Subscriber/socketAddress``.
    var socketAddress: UnsafeRawPointer? { get }

    /// The place among the ready sockets: see ``Subscriber/readyPlace``.
    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { get }

    /// Takes the rest of publications that were sent in part: see ``Subscriber/finish(_:behind:)``.
    func finish(_ encoded: EncodedPublications, behind sent: Int)
}

extension TransportConnection {
    package var clientAddress: String? { nil }
    package func pauseReading() {}
    package func resumeReading() {}
    package var socketAddress: UnsafeRawPointer? { nil }
    package var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { nil }
    package func finish(_ encoded: EncodedPublications, behind sent: Int) {}
}
