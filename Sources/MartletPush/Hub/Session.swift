import MartletWebSocket

/// One client in the hub, whatever carries it. Used on the event loop of its ``HubShard`` only.
protocol Session: AnyObject {
    /// The user's channels that this session hears, and where it stands in each channel's list of sessions.
    var places: [UserChannel: Int] { get set }

    var id: SessionID { get }

    var transport: SessionTransport { get }

    /// What carries it; `nil` when that has gone.
    var carrier: SessionCarrier? { get }

    /// Of the WebSocket that deliveries go out on; `nil` where there is none. See ``WebSocket/prefetch(_:)``.
    var socketAddress: UnsafeRawPointer? { get }

    /// Where publications may be sent to without asking the session, as the messages of the register dialect; `nil` for
    /// sessions that must be asked each time.
    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { get }

    /// Takes publications of one of its channels into its outbound queue.
    ///
    /// - Returns: how many of them, counted from the first.
    func deliver(_ batch: PublicationBatch) -> Int

    /// Takes the rest of publications of which the first bytes have been sent from ``readyPlace``.
    func finish(_ batch: PublicationBatch, behind sent: Int)

    /// Ends the connection because the back end said so.
    func drop()
}

extension Session {
    var socketAddress: UnsafeRawPointer? { nil }
    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { nil }
    func finish(_ batch: PublicationBatch, behind sent: Int) {}

    /// `nil` for a session that is about to go.
    var information: SessionInformation? {
        guard let carrier = self.carrier, let user = self.places.keys.first?.user else { return nil }
        return SessionInformation(
            id: self.id, user: user, events: self.places.keys.map(\.event).sorted(), carrier: carrier)
    }
}
