import MartletWebSocket

/// A session in the hub, whatever its transport and its dialect. Used on the event loop of its ``HubShard`` only.
protocol Subscriber: AnyObject {
    /// The channels that it has subscribed to, and its place among the subscribers of each. Used by the hub alone.
    var places: [ChannelName: SubscriberPlace] { get set }

    var id: SessionID { get }

    /// The user; stays the same while there are subscriptions.
    var user: ExactString { get }

    var transport: SessionTransport { get }

    /// The connection; `nil` when it has ended.
    var connectionInfo: SessionConnection? { get }

    /// The memory of the WebSocket that deliveries go out on; `nil` where there is none. See
    /// ``WebSocket/prefetch(_:)``.
    var socketAddress: UnsafeRawPointer? { get }

    /// The place that encoded publications may be sent to without asking the session; `nil` for sessions that must be
    /// asked each time.
    var readyPlace: (loop: LoopContext, place: ReadySockets.Place)? { get }

    /// Takes publications, in the encoding that it subscribed with, into its outbound queue.
    ///
    /// - Returns: how many of them, counted from the first.
    func deliver(_ encoded: EncodedPublications) -> Int

    /// Takes publications for a subscription that has no encoding.
    ///
    /// - Returns: how many of them, counted from the first.
    func deliver(_ batch: PublicationBatch) -> Int

    /// Takes the rest of publications of which the first bytes have been sent from ``readyPlace``.
    func finish(_ encoded: EncodedPublications, behind sent: Int)

    /// Publications of a channel may be missing.
    ///
    /// - Parameter position: of the last publication that all subscribers with an encoding have; `nil` where there is
    ///   none.
    func interrupted(_ channel: ChannelName, after position: StreamPosition?)

    /// Ends the session because the back end or an operator asked for it.
    func disconnect()
}

extension Subscriber {
    /// The description for an operator; `nil` for a session that is about to end.
    var information: SessionInformation? {
        guard let connectionInfo = self.connectionInfo, !self.places.isEmpty else { return nil }
        return SessionInformation(
            id: self.id, user: self.user.value, events: self.places.keys.map { UserChannel.event(of: $0) }.sorted(),
            connectionInfo: connectionInfo)
    }
}
