package import MartletProtocol

/// The dialect of one session: what its client and the service say to each other, whatever carries it. Used on the
/// session's event loop.
///
/// Each dialect has a folder of its own. It reads what the client sends, tells the session its user and its channels,
/// and encodes publications.
package protocol Dialect: AnyObject {
    /// The policy for a client that reads too slowly; `nil` for what ``PushLimits/slowClients`` says.
    var slowClients: SlowConsumerPolicy? { get }

    /// The heartbeat of a silent connection; `nil` for none.
    var heartbeat: EncodedPublications? { get }

    /// The connection is open.
    func opened(_ session: Session)

    /// The client sent a message, within its rate.
    func received(_ message: RawSpan, on session: Session)

    /// Publications came for a subscription without an encoding.
    ///
    /// - Returns: how many the session took, counted from the first.
    func deliver(_ batch: PublicationBatch, to session: Session) -> Int

    /// Publications of a channel may be missing.
    ///
    /// - Parameter position: of the last publication that subscribers with an encoding have.
    func interrupted(_ channel: ChannelName, after position: StreamPosition?, on session: Session)

    /// The service is about to end the session, since it stops.
    ///
    /// - Returns: whether ``leave(_:)`` is to be called before the end, once publications that are under way have come.
    func mayLeave(_ session: Session) -> Bool

    /// Tells the client, as the last thing, where it can go on.
    func leave(_ session: Session)

    /// The code to close a WebSocket with.
    func closeCode(for reason: DisconnectReason) -> CloseCode

    /// The session is over.
    func closed()
}

extension Dialect {
    package func mayLeave(_ session: Session) -> Bool { false }
    package func leave(_ session: Session) {}

    package func closeCode(for reason: DisconnectReason) -> CloseCode {
        switch reason {
        case .refused, .expired, .replaced: .policyViolation
        case .unavailable: .tryAgainLater
        case .disconnected: .normalClosure
        }
    }
}
