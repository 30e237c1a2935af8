/// One client in the hub, whatever carries it. Used on the event loop of its ``HubShard`` only.
protocol Session: AnyObject {
    /// The user's channels that this session hears, and where it stands in each channel's list of sessions.
    var places: [UserChannel: Int] { get set }

    /// Takes publications of one of its channels into its outbound queue.
    ///
    /// - Returns: how many of them, counted from the first.
    func deliver(_ batch: PublicationBatch) -> Int

    /// Ends the connection because the back end said so.
    func drop()
}
